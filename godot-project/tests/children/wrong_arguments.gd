extends SceneTree
## Calls methods with arguments of a wrong number and of wrong types.


func _initialize() -> void:
	var peer := StreamPeerTCPRs.new()
	var packets := PacketPeerSocketRs.new()
	var group := StreamPeerSocketGroupRs.new()
	peer.callv("set_read_timeout", [])
	peer.callv("set_read_timeout", [1.0, 2])
	peer.callv("set_read_timeout", ["x"])
	packets.callv("put_text", [null])
	packets.callv("encode_json", [])
	packets.callv("decode_json", [PackedByteArray(), 1, 2])
	group.callv("broadcast", [PackedByteArray(), [], false, 1])
	group.callv("set_max_members", ["x"])
	group.callv("accept_from", [peer])
	# The engine converts these too.
	peer.callv("set_read_timeout", [3])
	packets.callv("set_max_packet_bytes", [5.5])
	packets.callv("set_big_endian", [1])
	print("converted: %s %s %s" % [peer.read_timeout, packets.max_packet_bytes, packets.big_endian])
	quit()
