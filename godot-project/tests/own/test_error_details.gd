extends "res://tests/support/test_case.gd"
## `get_last_error`, `get_last_error_message` and `get_last_os_error`, of peers and of servers.

const EngineProcess := preload("res://tests/support/engine_process.gd")

# Linux's numbers.
const EACCES := 13
const EADDRINUSE := 98
const EADDRNOTAVAIL := 99
const ECONNRESET := 104
const ECONNREFUSED := 111
const ENOENT := 2


func test_nothing_has_happened() -> void:
	for kind: String in family.kinds():
		for object: Object in [family.peer(kind), family.server(kind), link(kind).client, link(kind).served]:
			_expect(object, OK, "", 0, kind)


func test_a_refused_connect() -> void:
	var end := endpoint("tcp")
	end.server.stop()
	var peer := dial(end)
	_expect(peer, OK, "", 0, "while it is under way")
	reaches(peer, STATUS_ERROR, "the refusal")
	var message := "connect %s:%d: connection refused" % [LOOPBACK, end.port]
	_expect(peer, ERR_CONNECTION_ERROR, message, ECONNREFUSED, "refused")
	peer.poll()
	peer.get_status()
	peer.get_available_bytes()
	_expect(peer, ERR_CONNECTION_ERROR, message, ECONNREFUSED, "after questions")
	peer.disconnect_from_host()
	check_eq(end.reopen(), OK, "listen again")
	check_eq(end.connect_peer(peer), OK, "connect again")
	_expect(peer, OK, "", 0, "after the next connect")


func test_a_connect_that_takes_too_long() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		var peer: StreamPeer = family.peer(kind)
		peer.connect_timeout = 0.02
		end.connect_peer(peer)
		reaches(peer, STATUS_ERROR, kind + ": the end of the time")
		_expect(peer, ERR_TIMEOUT, "connect %s: timed out" % _address(end), 0, kind)
		check(not queue.is_empty(), "the queue is full until here")


func test_a_missing_path() -> void:
	var path := fresh_path()
	var peer := StreamPeerUDSRs.new()
	check_eq(quietly(func() -> int: return peer.connect_to_host(path)), FAILED, "connect_to_host")
	_expect(peer, ERR_CONNECTION_ERROR, "connect %s: no such file or directory" % path, ENOENT, "missing")


func test_a_name_that_is_none() -> void:
	var peer := StreamPeerTCPRs.new()
	check_eq(peer.connect_to_host("256.1.1.1", 80), ERR_CANT_RESOLVE, "connect_to_host")
	check_eq(peer.get_last_error(), ERR_CANT_RESOLVE, "get_last_error")
	check(peer.get_last_error_message().begins_with("resolve 256.1.1.1: "), peer.get_last_error_message())


func test_an_end_and_a_reset() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.disconnect_from_host()
		check_eq(pair.client.get_data(1)[0], ERR_FILE_EOF, kind + ": get_data")
		_expect(pair.client, ERR_FILE_EOF, "receive: end of stream", 0, kind + ": the end")
	for by_poll in [true, false]:
		var pair := link("tcp")
		pair.served.abort()
		if by_poll:
			reaches(pair.client, STATUS_ERROR, "the reset")
		else:
			check_eq(pair.client.get_data(1)[0], FAILED, "get_data")
		_expect(pair.client, ERR_CONNECTION_ERROR, "receive from %s: connection reset by peer" % _address(pair.endpoint),
				ECONNRESET, "the reset")
		check_eq(pair.client.get_connected_port(), pair.endpoint.port, "the port stays readable")


func test_success_forgets() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.read_timeout = 0.01
		for operation: Callable in [func() -> void: pair.client.put_u8(1), func() -> void: pair.client.get_partial_data(1),
				func() -> void: pair.client.receive(), func() -> void: pair.client.read_line(), func() -> void: pair.client.flush()]:
			pair.client.get_u8()
			check_eq(pair.client.get_last_error(), ERR_TIMEOUT, kind + ": a timeout")
			operation.call()
			_expect(pair.client, OK, "", 0, kind + ": after a success")


func test_misuse_leaves_what_is_known() -> void:
	var end := endpoint("tcp")
	end.server.stop()
	var peer := dial(end)
	reaches(peer, STATUS_ERROR, "the refusal")
	check_eq(quietly(func() -> int: return peer.connect_to_host(LOOPBACK, 0)), ERR_INVALID_PARAMETER, "port 0")
	check_eq(quietly(func() -> int: return peer.bind(-1)), ERR_INVALID_PARAMETER, "bind to port -1")
	check_eq(peer.get_data(1)[0], FAILED, "get_data")
	check_eq(peer.put_data([1]), FAILED, "put_data")
	check_eq(peer.flush(), FAILED, "flush")
	check_eq(peer.get_last_error(), ERR_CONNECTION_ERROR, "get_last_error")


func test_binds_that_fail() -> void:
	var end := endpoint("tcp")
	var peer := StreamPeerTCPRs.new()
	check_eq(peer.bind(end.port, LOOPBACK), ERR_UNAVAILABLE, "bind to a used port")
	_expect(peer, ERR_ALREADY_IN_USE, "bind %s:%d: address already in use" % [LOOPBACK, end.port], EADDRINUSE, "a used port")
	check_eq(peer.bind(0, "192.0.2.1"), ERR_UNAVAILABLE, "bind to an address of somebody else")
	_expect(peer, ERR_UNAVAILABLE, "bind 192.0.2.1:0: cannot assign requested address", EADDRNOTAVAIL, "an absent address")
	check_eq(peer.bind(0, LOOPBACK), OK, "bind")
	_expect(peer, OK, "", 0, "after a success")


func test_listens_that_fail_can_be_told_apart() -> void:
	var end := endpoint("tcp")
	var server := TCPServerRs.new()
	check_eq(server.listen(end.port, LOOPBACK), ERR_ALREADY_IN_USE, "listen on a used port")
	_expect(server, ERR_ALREADY_IN_USE, "listen: bind %s:%d: address already in use" % [LOOPBACK, end.port], EADDRINUSE, "a used port")
	check_eq(server.listen(0, "192.0.2.1"), ERR_ALREADY_IN_USE, "listen on an address of somebody else")
	_expect(server, ERR_UNAVAILABLE, "listen: bind 192.0.2.1:0: cannot assign requested address", EADDRNOTAVAIL, "an absent address")
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	_expect(server, OK, "", 0, "after a success")


func test_a_path_without_permission() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var directory := fresh_path()
	DirAccess.make_dir_recursive_absolute(directory)
	var wrapper := PackedStringArray()
	var user := []
	OS.execute("id", ["-u"], user)
	if user[0].strip_edges() == "0":
		# A superuser has to give up being one.
		if OS.execute("setpriv", ["--version"]) != 0:
			return skip("a superuser may write everywhere")
		wrapper = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]
	OS.execute("chmod", ["500", directory])
	var result := EngineProcess.run("children/listen_at.gd", [directory.path_join("s")], {}, 0, wrapper)
	OS.execute("chmod", ["700", directory])
	check(result["output"].contains("listen %d, last %d, system %d" % [ERR_ALREADY_IN_USE, ERR_UNAUTHORIZED, EACCES]), result["output"])
	check(result["output"].contains("%s: permission denied" % directory.path_join("s")), result["output"])


func _expect(object: Object, error: int, message: String, os_error: int, what: String) -> void:
	check_eq(object.get_last_error(), error, what + ": get_last_error")
	check_eq(object.get_last_error_message(), message, what + ": get_last_error_message")
	if OS.has_feature("linux"):
		check_eq(object.get_last_os_error(), os_error, what + ": get_last_os_error")


func _address(end: Endpoint) -> String:
	return end.path if end.kind == "uds" else "%s:%d" % [end.host, end.port]
