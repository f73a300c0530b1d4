extends "res://tests/support/test_case.gd"
## Signals, error details and credentials, and calls that do not print errors.


func test_a_peer_signals_connect_data_and_disconnect() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		if not check(peer.has_signal("connect_finished"), kind + ": the peer has signals"):
			return
		var seen := []
		peer.connect("connect_finished",
				func(error: Error) -> void: seen.append(["connect_finished", error]))
		peer.connect("status_changed", func(status: int) -> void: seen.append(["status_changed", status]))
		# A handler that captures the peer would keep it alive.
		var weak: WeakRef = weakref(peer)
		peer.connect("data_available",
				func() -> void: seen.append(["data_available", weak.get_ref().get_u8()]))
		peer.connect("disconnected", func(error: Error) -> void: seen.append(["disconnected", error]))
		end.connect_peer(peer)
		settle(peer)
		var served := accept(end)
		served.put_u8(5)
		served.disconnect_from_host()
		reaches(peer, STATUS_NONE, kind + ": the end")
		check_eq(seen,
				[["status_changed", STATUS_CONNECTING], ["status_changed", STATUS_CONNECTED],
				["connect_finished", OK],
				["data_available", 5], ["status_changed", STATUS_NONE], ["disconnected", ERR_FILE_EOF]],
				kind + ": signals")


func test_failures_have_different_errors_and_messages() -> void:
	if not check(family.tcp_peer().has_method("get_last_error"), "a peer has error details"):
		return
	var end := endpoint("tcp")
	var used: RefCounted = family.tcp_server()
	quietly(func() -> int: return used.listen(end.port, LOOPBACK))
	var absent: RefCounted = family.tcp_server()
	quietly(func() -> int: return absent.listen(0, "192.0.2.1"))
	check_eq([used.get_last_error(), absent.get_last_error()], [ERR_ALREADY_IN_USE, ERR_UNAVAILABLE],
			"errors of listen")
	end.stop()
	var peer := dial(end)
	reaches(peer, STATUS_ERROR, "the refusal")
	var beginning := "connect %s:%d: " % [LOOPBACK, end.port]
	if OS.has_feature("windows"):
		# Windows has its own messages, in the language of the user.
		check(peer.get_last_error_message().begins_with(beginning),
				"the message: " + peer.get_last_error_message())
	else:
		check_eq(peer.get_last_error_message(), beginning + "connection refused", "the message")


func test_getters_of_a_closed_peer_print_nothing() -> void:
	# The runner fails a test in which an error is printed.
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.disconnect_from_host()
		for peer: StreamPeer in [family.peer(kind), pair.client]:
			check_eq(peer.get_available_bytes(), -1, kind + ": get_available_bytes")
			if kind == "tcp":
				check_eq(peer.get_local_port(), 0, "get_local_port")
	check_eq(family.tcp_server().get_local_port(), 0, "the port of a fresh server")


func test_a_tcp_connect_that_fails_at_once_prints_nothing() -> void:
	# The runner fails a test in which an error is printed.
	check_eq(family.tcp_peer().connect_to_host("255.255.255.255", 9), FAILED, "a broadcast address")


func test_a_uds_connect_that_fails_at_once_prints_nothing() -> void:
	if lacks_uds():
		return
	check_eq(family.peer("uds").connect_to_host(fresh_path()), FAILED, "a path without a server")


func test_a_uds_peer_knows_the_other_process() -> void:
	if lacks_uds():
		return
	var pair := link("uds")
	if not check(pair.served.has_method("get_peer_credentials"),
			"a peer has get_peer_credentials"):
		return
	check_eq(pair.served.get_peer_credentials()["pid"], OS.get_process_id(), "the process")
