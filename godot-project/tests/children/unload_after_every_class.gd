extends SceneTree
## Uses objects of every class, unloads the addon and loads it again, three times. This script must
## not name the addon's classes as types. Argument: a fresh path. Prints the classes that it lacks.

const AddonClasses := preload("res://tests/support/addon_classes.gd")
const System := preload("res://tests/support/system.gd")

const EXTENSION := "res://addons/stream_peer_socket_rs/stream_peer_socket_rs.gdextension"


func _initialize() -> void:
	for round in 3:
		_use_every_class()
		print("unload %d" % GDExtensionManager.unload_extension(EXTENSION))
		await process_frame
		print("load %d" % GDExtensionManager.load_extension(EXTENSION))
	print("over")
	quit()


# The objects are freed when this returns, as no object must outlive its class.
func _use_every_class() -> void:
	var used: Array[Object] = []
	print("packet %s" % _exchange(used))
	print("byte %d" % _send_byte(used))
	print("message %s" % _serve(used))
	print("lacking %s" % [AddonClasses.lacking_in(used)])


# Sends a packet from one thread to another, through a group.
func _exchange(used: Array[Object]) -> String:
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
	used.append_array([server, group, packets, client, client.get("stream")])
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


# Sends a byte over a Unix domain socket.
func _send_byte(used: Array[Object]) -> int:
	var server: Object = ClassDB.instantiate("UDSServerRs")
	server.call("listen", OS.get_cmdline_user_args()[0])
	var peer: Object = ClassDB.instantiate("StreamPeerUDSRs")
	peer.call("connect_to_host", OS.get_cmdline_user_args()[0])
	peer.call("put_u8", 5)
	var served: Object = server.call("take_connection")
	used.append_array([server, peer, served])
	return served.call("get_u8")


# Sends a message over a WebSocket to an HTTP server, through a relay. The request and its WebSocket
# are the last two objects.
func _serve(used: Array[Object]) -> String:
	var requests: Array[Object] = []
	var server: Object = ClassDB.instantiate("HTTPServerRs")
	server.call("listen", 0, "127.0.0.1")
	server.connect("request_received", requests.append)
	var relay: Object = ClassDB.instantiate("SocketRelayRs")
	var conditions: Object = ClassDB.instantiate("SocketConditionsRs")
	conditions.set("max_piece_bytes", 3)
	relay.set("to_target", conditions)
	relay.call("set_target_host", "127.0.0.1", server.call("get_local_port"))
	relay.call("listen", 0, "127.0.0.1")
	var client: Object = ClassDB.instantiate("WebSocketPeerRs")
	client.call("connect_to_url", "ws://127.0.0.1:%d/" % relay.call("get_local_port"))
	used.append_array([server, relay, conditions, client])
	if not _poll_until(used, func() -> bool: return not requests.is_empty()):
		return "no request"
	var socket: Object = requests[0].call("upgrade")
	used.append_array([requests[0], socket])
	# A message can only be sent after the handshake.
	var polled: Array[Object] = [relay, client, socket]
	if not _poll_until(polled, func() -> bool: return client.call("send_text", "hello") == OK):
		return "no handshake"
	_poll_until(polled, func() -> bool: return socket.call("get_available_packet_count") > 0)
	return socket.call("get_packet").get_string_from_utf8()


func _poll_until(polled: Array[Object], condition: Callable) -> bool:
	var began := Time.get_ticks_msec()
	while not condition.call():
		if System.is_over(began, 10_000):
			return false
		for object in polled:
			if object.has_method("poll"):
				object.call("poll")
	return true
