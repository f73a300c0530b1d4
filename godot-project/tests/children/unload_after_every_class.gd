extends SceneTree
## Uses objects of every class, unloads the addon and loads it again, twice. This script must not
## name the addon's classes as types.

const EXTENSION := "res://addons/stream_peer_socket_rs/stream_peer_socket_rs.gdextension"


func _initialize() -> void:
	for round in 3:
		print("packet %s" % _exchange())
		print("unload %d" % GDExtensionManager.unload_extension(EXTENSION))
		await process_frame
		print("load %d" % GDExtensionManager.load_extension(EXTENSION))
	print("over")
	quit()


# Sends a packet from one thread to another, through objects of every class.
func _exchange() -> String:
	var server: Object = ClassDB.instantiate("TCPServerRs")
	server.call("listen", 0, "127.0.0.1")
	var group: Object = ClassDB.instantiate("StreamPeerSocketGroupRs")
	var packets: Object = ClassDB.instantiate("PacketPeerSocketRs")
	group.call("accept_from", server, packets)
	var received: Array[String] = []
	group.connect("peer_packet_received", func(from: Object, packet: PackedByteArray) -> void:
		received.append(packet.get_string_from_utf8())
		from.call("put_text", "answer"))
	var thread := Thread.new()
	thread.start(_send.bind(server.call("get_local_port")))
	while received.is_empty():
		group.call("poll", 10)
	thread.wait_to_finish()
	# The memory of a packet that `get_packet` returns belongs to the thread.
	var client := _send(server.call("get_local_port"))
	while client.call("get_available_packet_count") == 0:
		group.call("poll", 10)
	client.call("get_packet")
	return received[0]


func _send(port: int) -> Object:
	var peer: Object = ClassDB.instantiate("StreamPeerTCPRs")
	peer.call("connect_to_host", "127.0.0.1", port)
	while peer.call("get_status") == 1:
		peer.call("poll")
	var packets: Object = ClassDB.instantiate("PacketPeerSocketRs")
	packets.set("stream", peer)
	packets.call("put_text", "hello")
	return packets
