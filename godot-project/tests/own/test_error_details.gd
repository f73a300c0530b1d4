extends "res://tests/support/test_case.gd"
## Tests of `get_last_error`, `get_last_error_message` and `get_last_os_error` of peers and servers.

const EngineProcess := preload("res://tests/support/engine_process.gd")

# The error numbers of Linux.
const EACCES := 13
const EADDRINUSE := 98
const EADDRNOTAVAIL := 99
const ECONNRESET := 104
const ECONNREFUSED := 111
const ENOENT := 2
# The same errors in the numbers of Windows.
const ON_WINDOWS := {0: 0, EADDRINUSE: 10048, EADDRNOTAVAIL: 10049, ECONNRESET: 10054}


func test_a_new_object_has_no_error() -> void:
	for kind: String in family.kinds():
		for object: Object in [family.peer(kind), family.server(kind), link(kind).client,
				link(kind).served]:
			_expect(object, OK, "", 0, kind)


func test_a_refused_connect_keeps_its_error_until_the_next_connect() -> void:
	var end := endpoint("tcp")
	end.stop()
	var peer := dial(end)
	_expect(peer, OK, "", 0, "while it is under way")
	reaches(peer, STATUS_ERROR, "the refusal")
	var message := "connect %s:%d: connection refused" % [LOOPBACK, end.port]
	_expect(peer, ERR_CONNECTION_ERROR, message, ECONNREFUSED, "refused")
	peer.poll()
	peer.get_status()
	peer.get_available_bytes()
	_expect(peer, ERR_CONNECTION_ERROR, message, ECONNREFUSED, "after calls that only ask")
	peer.disconnect_from_host()
	check_eq(end.reopen(), OK, "listen again")
	check_eq(end.connect_peer(peer), OK, "connect again")
	_expect(peer, OK, "", 0, "after the next connect")


func test_a_connect_timeout_is_err_timeout() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		var peer: StreamPeer = family.peer(kind)
		peer.connect_timeout = 0.02
		end.connect_peer(peer)
		reaches(peer, STATUS_ERROR, kind + ": the timeout")
		_expect(peer, ERR_TIMEOUT, "connect %s: timed out" % _address(end), 0, kind)
		check(not queue.is_empty(), "the backlog was full all the time")


func test_connect_to_a_missing_path_names_the_path() -> void:
	if lacks_uds():
		return
	var path := fresh_path()
	var peer := StreamPeerUDSRs.new()
	check_eq(quietly(func() -> int: return peer.connect_to_host(path)), FAILED, "connect_to_host")
	_expect(peer, ERR_CONNECTION_ERROR, "connect %s: no such file or directory" % path, ENOENT,
			"missing")


func test_a_malformed_host_name_cannot_be_resolved() -> void:
	var peer := StreamPeerTCPRs.new()
	check_eq(peer.connect_to_host("256.1.1.1", 80), ERR_CANT_RESOLVE, "connect_to_host")
	check_eq(peer.get_last_error(), ERR_CANT_RESOLVE, "get_last_error")
	check(peer.get_last_error_message().begins_with("resolve 256.1.1.1: "),
			peer.get_last_error_message())


func test_end_of_stream_and_reset_have_their_own_errors() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.disconnect_from_host()
		check_eq(pair.client.get_data(1)[0], ERR_FILE_EOF, kind + ": get_data")
		_expect(pair.client, ERR_FILE_EOF,
				"receive from %s: end of stream" % _address(pair.endpoint), 0, kind + ": the end")
	if System.is_wine():
		return leave_out(NO_RESETS)
	for by_poll in [true, false]:
		var pair := link("tcp")
		pair.served.abort()
		if by_poll:
			reaches(pair.client, STATUS_ERROR, "the reset")
		else:
			check_eq(pair.client.get_data(1)[0], FAILED, "get_data")
		_expect(pair.client, ERR_CONNECTION_ERROR,
				"receive from %s: connection reset by peer" % _address(pair.endpoint),
				ECONNRESET, "the reset")
		check_eq(pair.client.get_connected_port(), pair.endpoint.port, "the port stays readable")


func test_a_success_clears_the_last_error() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.read_timeout = 0.01
		for operation: Callable in [func() -> void: pair.client.put_u8(1),
				func() -> void: pair.client.get_partial_data(1),
				func() -> void: pair.client.receive(), func() -> void: pair.client.read_line(),
				func() -> void: pair.client.flush()]:
			pair.client.get_u8()
			check_eq(pair.client.get_last_error(), ERR_TIMEOUT, kind + ": a timeout")
			operation.call()
			_expect(pair.client, OK, "", 0, kind + ": after a success")


func test_an_end_found_by_poll_is_the_last_error_in_handlers_too() -> void:
	for kind: String in family.kinds():
		for by_group in [false, true]:
			var pair := link(kind)
			var group := StreamPeerSocketGroupRs.new()
			group.add(pair.client)
			var in_handlers := []
			var weak: WeakRef = weakref(pair.client)
			for name: String in ["status_changed", "disconnected"]:
				pair.client.connect(name,
						func(_argument: int) -> void: in_handlers.append(weak.get_ref().get_last_error()))
			pair.client.poll()
			in_handlers.clear()
			pair.served.disconnect_from_host()
			spin_until(func() -> bool:
				if by_group:
					group.poll()
				else:
					pair.client.poll()
				return pair.client.get_status() == STATUS_NONE, kind + ": the end")
			var message := "receive from %s: end of stream" % _address(pair.endpoint)
			_expect(pair.client, ERR_FILE_EOF, message, 0, "%s: by a group %s" % [kind, by_group])
			check_eq(in_handlers, [ERR_FILE_EOF, ERR_FILE_EOF], kind + ": what handlers see")
			check_eq(pair.endpoint.connect_peer(pair.client), OK, kind + ": connect again")
			_expect(pair.client, OK, "", 0, kind + ": after the next connect")


func test_poll_does_not_repeat_an_end_that_a_call_returned() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.poll()
		pair.served.disconnect_from_host()
		check_eq(pair.client.get_data(1)[0], ERR_FILE_EOF, kind + ": get_data")
		check_eq(pair.client.put_data([1]), FAILED, kind + ": put_data")
		pair.client.poll()
		_expect(pair.client, ERR_FILE_EOF,
				"receive from %s: end of stream" % _address(pair.endpoint), 0,
				kind + ": the reason stays")

		pair = link(kind)
		pair.client.poll()
		pair.client.disconnect_from_host()
		pair.client.poll()
		_expect(pair.client, OK, "", 0, kind + ": an end by this side")


func test_misuse_of_a_peer_is_refused_with_a_message() -> void:
	var peer := StreamPeerTCPRs.new()
	for port in [0, -1, 65536]:
		_refuses(peer, func() -> int: return peer.connect_to_host(LOOPBACK, port), ERR_INVALID_PARAMETER,
				"The remote port number must be between 1 and 65535 (inclusive).")
	for port in [-1, 65536]:
		_refuses(peer, func() -> int: return peer.bind(port), ERR_INVALID_PARAMETER,
				"The local port number must be between 0 and 65535 (inclusive).")
	_refuses(peer, func() -> int: return peer.bind(0, "localhost"), ERR_INVALID_PARAMETER,
			"bind \"localhost\": not an IP address")
	for row: Array in [[[0, 10, 5], "idle_seconds 0"], [[60, -1, 5], "interval_seconds -1"],
			[[60, 10, 0], "count 0"]]:
		_refuses(peer, func() -> int: return peer.set_keep_alive.bindv(row[0]).call(true),
				ERR_INVALID_PARAMETER, "set_keep_alive: %s is not positive" % row[1])
	for bytes in [0, -1, 1 << 31]:
		_refuses(peer, func() -> int: return peer.set_send_buffer_size(bytes), ERR_INVALID_PARAMETER,
				"set send buffer size: %d is not between 1 and 2147483647" % bytes)
		_refuses(peer, func() -> int: return peer.set_receive_buffer_size(bytes), ERR_INVALID_PARAMETER,
				"set receive buffer size: %d is not between 1 and 2147483647" % bytes)
	check_null(quietly(func() -> Variant: return peer.read_until("")), "read_until")
	_expect(peer, ERR_INVALID_PARAMETER,
			"read_until: delimiter is empty", 0, "an empty delimiter")
	check_null(quietly(func() -> Variant: return peer.read_until(7)), "read_until")
	_expect(peer, ERR_INVALID_PARAMETER,
			"read_until: delimiter is neither a String nor a PackedByteArray", 0, "a number")
	check_null(quietly(func() -> Variant: return peer.read_exact(-5)), "read_exact")
	_expect(peer, ERR_INVALID_PARAMETER, "read_exact: count -5 is negative", 0, "a negative count")
	check_eq(peer.bind(0, LOOPBACK), OK, "bind")
	_expect(peer, OK, "", 0, "after a success")
	_refuses(peer, func() -> int: return peer.bind(0, LOOPBACK), ERR_ALREADY_IN_USE,
			"bind 127.0.0.1:0: socket is already open")

	var uds := StreamPeerUDSRs.new()
	_refuses(uds, func() -> int: return uds.connect_to_host(""), ERR_INVALID_PARAMETER,
			"connect: path is empty")


func test_transfers_without_a_connection_are_refused() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		var connecting: StreamPeer = family.peer(kind)
		end.connect_peer(connecting)
		connecting.poll()
		check_eq(connecting.get_status(), STATUS_CONNECTING, kind + ": status")
		for peer: StreamPeer in [family.peer(kind), connecting]:
			var receives := "receive: not connected"
			var sends := "send: not connected"
			if peer == connecting:
				receives = "receive: still connecting; poll until connected"
				sends = "send: still connecting; poll until connected, or set a write buffer limit first"
			for read: Callable in [func() -> int: return peer.get_data(1)[0],
					func() -> int: return peer.get_partial_data(1)[0]]:
				_refuses(peer, read, FAILED, receives)
			for write: Callable in [func() -> int: return peer.put_data([1]),
					func() -> int: return peer.put_partial_data([1])[0],
					peer.flush]:
				_refuses(peer, write, FAILED, sends)
			peer.receive()
			_expect(peer, FAILED, receives, 0, kind + ": receive")
		check(not queue.is_empty(), "the backlog was full all the time")


func test_a_second_connect_is_refused() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		_refuses(pair.client, func() -> int: return pair.endpoint.connect_peer(pair.client),
				ERR_ALREADY_IN_USE,
				"connect %s: already connecting or connected" % _address(pair.endpoint))
		check_eq(pair.client.put_data([1]), OK, kind + ": put_data")
		_expect(pair.client, OK, "", 0, kind + ": after a success")


func test_misuse_of_a_server_is_refused_with_a_message() -> void:
	var tcp := TCPServerRs.new()
	for port in [-1, 65536, 99999]:
		_refuses(tcp, func() -> int: return tcp.listen(port), ERR_INVALID_PARAMETER,
				"The port number must be between 0 and 65535 (inclusive).")
	_refuses(tcp, func() -> int: return tcp.listen(0, "localhost"), ERR_INVALID_PARAMETER,
			"listen \"localhost\": not an IP address")
	var uds := UDSServerRs.new()
	_refuses(uds, func() -> int: return uds.listen(""), ERR_INVALID_PARAMETER,
			"listen: path is empty")
	for kind: String in family.kinds():
		var end := endpoint(kind)
		_refuses(end.server, end.reopen, ERR_ALREADY_IN_USE,
				"listen %s: already listening on %s" % [_address(end), _address(end)])
		end.stop()
		check_eq(end.reopen(), OK, kind + ": listen again")
		_expect(end.server, OK, "", 0, kind + ": after a success")


func test_each_misuse_prints_its_error_message_once() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var output: String = EngineProcess.run("children/misuse.gd", [fresh_path()])["output"]
	var calls := output.split("== ").slice(1)
	check_eq(calls.size(), 20, "calls: " + output)
	for call in calls:
		var message := call.get_slice("-- ", 1).get_slice("\n", 0)
		check(call.count("ERROR: ") == 1 and call.contains("ERROR: " + message + "\n"), call)


func test_failed_binds_name_address_and_reason() -> void:
	var end := endpoint("tcp")
	var peer := StreamPeerTCPRs.new()
	check_eq(peer.bind(end.port, LOOPBACK), ERR_UNAVAILABLE, "bind to a used port")
	_expect(peer, ERR_ALREADY_IN_USE, "bind %s:%d: address already in use" % [LOOPBACK, end.port],
			EADDRINUSE, "a used port")
	check_eq(peer.bind(0, "192.0.2.1"), ERR_UNAVAILABLE, "bind to an address of another machine")
	_expect(peer, ERR_UNAVAILABLE, "bind 192.0.2.1:0: cannot assign requested address", EADDRNOTAVAIL,
			"an absent address")
	check_eq(peer.bind(0, LOOPBACK), OK, "bind")
	_expect(peer, OK, "", 0, "after a success")


func test_failed_listens_name_address_and_reason() -> void:
	var end := endpoint("tcp")
	var server := TCPServerRs.new()
	check_eq(server.listen(end.port, LOOPBACK), ERR_ALREADY_IN_USE, "listen on a used port")
	_expect(server, ERR_ALREADY_IN_USE,
			"listen: bind %s:%d: address already in use" % [LOOPBACK, end.port], EADDRINUSE, "a used port")
	check_eq(server.listen(0, "192.0.2.1"), ERR_ALREADY_IN_USE,
			"listen on an address of another machine")
	_expect(server, ERR_UNAVAILABLE, "listen: bind 192.0.2.1:0: cannot assign requested address",
			EADDRNOTAVAIL, "an absent address")
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	_expect(server, OK, "", 0, "after a success")


func test_listen_without_permission_is_err_unauthorized() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var directory := fresh_path()
	DirAccess.make_dir_recursive_absolute(directory)
	var wrapper := PackedStringArray()
	var user := []
	OS.execute("id", ["-u"], user)
	if user[0].strip_edges() == "0":
		# Root has to give up its capabilities.
		if OS.execute("setpriv", ["--version"]) != 0:
			return skip("root may write everywhere")
		wrapper = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]
	OS.execute("chmod", ["500", directory])
	var result := EngineProcess.run("children/listen_at.gd", [directory.path_join("s")], {}, 0,
			wrapper)
	OS.execute("chmod", ["700", directory])
	check(result["output"].contains("listen %d, last %d, system %d"
			% [ERR_ALREADY_IN_USE, ERR_UNAUTHORIZED, EACCES]), result["output"])
	check(result["output"].contains("%s: permission denied" % directory.path_join("s")),
			result["output"])


func _refuses(object: Object, call: Callable, error: int, message: String) -> void:
	check_eq(quietly(call), error, message)
	_expect(object, error, message, 0, message)


func _expect(object: Object, error: int, message: String, os_error: int, what: String) -> void:
	check_eq(object.get_last_error(), error, what + ": get_last_error")
	if os_error != 0 and OS.has_feature("windows"):
		# Windows has its own messages, in the language of the user.
		var beginning := message.left(message.rfind(": ") + 2)
		check(object.get_last_error_message().begins_with(beginning),
				"%s: get_last_error_message: %s" % [what, object.get_last_error_message()])
	else:
		check_eq(object.get_last_error_message(), message, what + ": get_last_error_message")
	if OS.has_feature("linux"):
		check_eq(object.get_last_os_error(), os_error, what + ": get_last_os_error")
	elif OS.has_feature("windows") and ON_WINDOWS.has(os_error):
		check_eq(object.get_last_os_error(), ON_WINDOWS[os_error], what + ": get_last_os_error")


func _address(end: Endpoint) -> String:
	return end.path if end.kind == "uds" else "%s:%d" % [end.host, end.port]
