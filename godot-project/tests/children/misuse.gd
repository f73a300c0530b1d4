extends SceneTree
## Misuses the classes. Prints a line `== <name>` before each call and `-- <last error>` after it.
## The lines are printed to standard error, so that they stay in order with the errors.

const NO_MEMBER := (" is not a StreamPeerSocketRs, a PacketPeerSocketRs, a WebSocketPeerRs"
		+ " or a SocketServerRs")
const MEMBERS := {
	"StreamPeerBuffer": "StreamPeerBuffer" + NO_MEMBER,
	"TCPServer": "TCPServer" + NO_MEMBER + "; use TCPServerRs",
	"PacketPeerSocketRs": "packet peer has no stream",
}


func _initialize() -> void:
	var server := TCPServerRs.new()
	_call("listen to a port", server, server.listen.bind(99999))
	_call("listen at a name", server, server.listen.bind(0, "localhost"))
	server.listen(0, "127.0.0.1")
	_call("listen twice", server, server.listen.bind(0, "127.0.0.1"))
	var uds_server := UDSServerRs.new()
	_call("listen without a path", uds_server, uds_server.listen.bind(""))
	var uds := StreamPeerUDSRs.new()
	_call("connect without a path", uds, uds.connect_to_host.bind(""))
	var peer := StreamPeerTCPRs.new()
	_call("connect to a port", peer, peer.connect_to_host.bind("127.0.0.1", 0))
	_call("bind to a port", peer, peer.bind.bind(-1))
	_call("a keep-alive", peer, peer.set_keep_alive.bind(true, 0))
	_call("a buffer size", peer, peer.set_send_buffer_size.bind(0))
	_call("a delimiter", peer, peer.read_until.bind(""))
	_call("a time", peer, peer.set_read_timeout.bind(-1.0))
	_call("no time", peer, peer.set_user_timeout.bind(NAN))
	_call("a linger", peer, peer.set_linger.bind(NAN))
	peer.bind(0, "127.0.0.1")
	_call("bind twice", peer, peer.bind.bind(0, "127.0.0.1"))
	peer.connect_to_host("127.0.0.1", server.get_local_port())
	_call("connect twice", peer, peer.connect_to_host.bind("127.0.0.1", server.get_local_port()))
	var packets := PacketPeerSocketRs.new()
	_call("a stream of the engine", packets, packets.set.bind("stream", StreamPeerBuffer.new()))
	_call("no stream", packets, packets.set.bind("stream", 5))
	var group := StreamPeerSocketGroupRs.new()
	for object: RefCounted in [StreamPeerBuffer.new(), TCPServer.new(), PacketPeerSocketRs.new()]:
		printerr("== add a ", object.get_class())
		group.add(object)
		# A group keeps no last error.
		printerr("-- add: ", MEMBERS[object.get_class()])
	quit()


func _call(name: String, object: Object, call: Callable) -> void:
	printerr("== " + name)
	call.call()
	printerr("-- " + object.get_last_error_message())
