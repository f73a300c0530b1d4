extends "res://tests/support/test_case.gd"
## Packets that are too long are an error.


func test_a_packet_that_is_too_long_is_an_error() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := _over(pair.client)
		pair.served.put_data([0, 0, 0, 0x70, 1, 2, 3])
		arrived(pair.client, 1)
		for i in 10:
			packets.get_available_packet_count()
		packets.get_packet()
		check_eq(packets.get_packet_error() in [ERR_UNAVAILABLE, OK], false, kind + ": get_packet_error")


func _over(stream: StreamPeer) -> PacketPeer:
	if family.name == "engine":
		var packets := PacketPeerStream.new()
		packets.stream_peer = stream
		return packets
	var packets := PacketPeerSocketRs.new()
	packets.stream = stream
	return packets
