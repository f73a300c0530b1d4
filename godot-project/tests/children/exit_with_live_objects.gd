extends SceneTree
## Quits with live objects of every class in every state. Prints the classes that it lacks.

const AddonClasses := preload("res://tests/support/addon_classes.gd")
const System := preload("res://tests/support/system.gd")

const REQUEST := "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
const UPLOAD := "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"

var _kept: Array = []


func _initialize() -> void:
	var server := TCPServerRs.new()
	server.listen(0, "127.0.0.1")
	var uds_server := UDSServerRs.new()
	uds_server.listen(OS.get_cmdline_user_args()[0])
	var connected := StreamPeerTCPRs.new()
	connected.connect_to_host("127.0.0.1", server.get_local_port())
	while connected.get_status() == StreamPeerTCPRs.STATUS_CONNECTING:
		connected.poll()
	var served := server.take_connection()
	served.put_string("unread")
	var connecting := StreamPeerTCPRs.new()
	connecting.connect_to_host("127.0.0.1", server.get_local_port())
	var uds := StreamPeerUDSRs.new()
	uds.connect_to_host(OS.get_cmdline_user_args()[0])
	var packets := PacketPeerSocketRs.new()
	packets.stream = connected
	var group := StreamPeerSocketGroupRs.new()
	group.add(packets)
	group.accept_from(server, PacketPeerSocketRs.new())
	_kept = [server, uds_server, connected, served, connecting, uds, StreamPeerTCPRs.new(),
			Scripted.new(), packets, group]
	root.set_meta("peer", connected)
	print("status %d %d %d" % [connected.get_status(), served.get_status(), uds.get_status()])
	_keep_web_objects()
	print("lacking %s" % [AddonClasses.lacking_in(_kept)])
	quit()


# Keeps an HTTP server with an upload, an unanswered request, a stream and a WebSocket. Their
# clients connect through a relay.
func _keep_web_objects() -> void:
	var server := HTTPServerRs.new()
	server.listen(0, "127.0.0.1")
	# It is freed before its requests: until then, an unanswered request that is freed is an error.
	_kept.append(server)
	server.route_upload("POST", "/upload", _keep, 100)
	server.route("GET", "/", _keep)
	server.route("GET", "/stream", func(request: HTTPServerRequestRs) -> void:
		request.send_event("begun")
		_keep(request))
	server.route("GET", "/socket", func(request: HTTPServerRequestRs) -> void:
		_keep(request)
		_keep(request.upgrade()))
	var relay := SocketRelayRs.new()
	relay.set_target_host("127.0.0.1", server.get_local_port())
	relay.listen(0, "127.0.0.1")
	var clients: Array[StreamPeerTCPRs] = []
	for text: String in [REQUEST, REQUEST.replace("/ ", "/stream "), UPLOAD]:
		var client := StreamPeerTCPRs.new()
		client.write_buffer_limit = 1000
		client.connect_to_host("127.0.0.1", relay.get_local_port())
		client.put_data(text.to_ascii_buffer())
		clients.append(client)
	var socket := WebSocketPeerRs.new()
	socket.connect_to_url("ws://127.0.0.1:%d/socket" % relay.get_local_port())
	var connecting := WebSocketPeerRs.new()
	connecting.connect_to_url("ws://127.0.0.1:%d/socket" % relay.get_local_port())
	var expected := _kept.size() + 5
	var polled: Array = [relay, server, socket] + clients
	var began := Time.get_ticks_msec()
	while _kept.size() < expected or socket.get_ready_state() != WebSocketPeerRs.STATE_OPEN:
		if System.is_over(began, 10_000):
			push_error("timed out with %d objects" % _kept.size())
			break
		for object: RefCounted in polled:
			object.call("poll")
	socket.send_text("not received")
	# Bytes that are due in an hour stay in the relay.
	relay.to_target.delay = 3600.0
	clients[0].put_data("late".to_ascii_buffer())
	clients[0].poll()
	relay.poll()
	_kept.append_array(clients)
	_kept.append_array([relay, relay.to_client, socket, connecting, WebSocketPeerRs.new(),
			HTTPServerRs.new(), SocketRelayRs.new(), SocketConditionsRs.new()])


# A callable of the array itself would be a cycle: the array has the server that has the callable.
func _keep(object: RefCounted) -> void:
	_kept.append(object)


class Scripted extends StreamPeerUDSRs:
	var other := TCPServerRs.new()
