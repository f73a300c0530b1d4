extends SceneTree
## Makes the calls whose error messages the tests check. A line `== <name>` precedes each group of
## calls. The lines are printed to standard error, so that they stay in order with the errors.

const Family := preload("res://tests/support/family.gd")

var _family: RefCounted
var _directory := ""


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	_family = Family.ours() if arguments[0] == "ours" else Family.engine()
	_directory = arguments[1]
	_tcp()
	_tcp_server()
	if _family.has("StreamPeerUDS"):
		_uds()
	_mark("end")
	quit()


func _mark(name: String) -> void:
	printerr("== " + name)


func _tcp() -> void:
	var peer: StreamPeer = _family.tcp_peer()
	_mark("tcp idle calls")
	peer.poll()
	peer.get_status()
	peer.get_data(2)
	peer.get_partial_data(2)
	peer.put_data([1])
	peer.put_partial_data([1])
	peer.put_data([])
	peer.disconnect_from_host()
	_mark("tcp get_data negative")
	peer.get_data(-1)
	_mark("tcp connect port")
	peer.connect_to_host("127.0.0.1", 0)
	_mark("tcp bind port")
	peer.bind(65536, "127.0.0.1")
	_mark("tcp unresolvable")
	for host in ["", "*", "[::1]", "256.1.1.1"]:
		peer.connect_to_host(host, 80)
		peer.disconnect_from_host()
	_mark("tcp bind unavailable")
	peer.bind(0, "192.0.2.1")
	var server: RefCounted = _family.tcp_server()
	server.listen(0, "127.0.0.1")
	peer.connect_to_host("127.0.0.1", server.get_local_port())
	_mark("tcp connect twice")
	peer.connect_to_host("127.0.0.1", server.get_local_port())
	_mark("tcp bind when open")
	peer.bind(0, "127.0.0.1")
	_mark("tcp refused")
	var port: int = server.get_local_port()
	peer.disconnect_from_host()
	server.stop()
	peer.connect_to_host("127.0.0.1", port)
	while peer.get_status() == 1:
		peer.poll()
		OS.delay_usec(200)
	peer.poll()
	peer.disconnect_from_host()


func _tcp_server() -> void:
	var server: RefCounted = _family.tcp_server()
	_mark("server idle calls")
	server.is_listening()
	server.is_connection_available()
	server.take_connection()
	server.stop()
	server.listen(0, "127.0.0.1")
	_mark("server listen twice")
	server.listen(0, "127.0.0.1")
	_mark("server used port")
	_family.tcp_server().listen(server.get_local_port(), "127.0.0.1")
	_mark("server bad address")
	_family.tcp_server().listen(0, "localhost")
	_mark("server stop")
	server.stop()


func _uds() -> void:
	var peer: StreamPeer = _family.uds_peer()
	_mark("uds connect empty")
	peer.connect_to_host("")
	_mark("uds bind empty")
	_family.uds_peer().bind("")
	_mark("uds bind not a socket")
	_family.uds_peer().bind(_directory)
	var server: RefCounted = _family.uds_server()
	_mark("uds listen empty")
	server.listen("")
	_mark("uds listen on a directory")
	server.listen(_directory)
	_mark("uds listen")
	server.listen(_directory.path_join("s"))
	peer.connect_to_host(_directory.path_join("s"))
	_mark("uds connect twice")
	peer.connect_to_host(_directory.path_join("s"))
