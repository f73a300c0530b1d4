extends "res://tests/support/test_case.gd"
## Where connecting and binding go beyond the engine's classes.


func test_a_tcp_peer_connects_again_after_an_error() -> void:
	var end := endpoint("tcp")
	end.server.stop()
	var peer := dial(end)
	reaches(peer, STATUS_ERROR, "the refusal")
	check_eq(end.reopen(), OK, "listen again")
	check_eq(end.connect_peer(peer), OK, "connect in STATUS_ERROR")
	check_eq(peer.get_status(), STATUS_CONNECTING, "status")
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "status after poll")
	peer.put_u8(1)
	check_eq(accept(end).get_u8(), 1, "a byte")


func test_an_accepted_tcp_peer_knows_its_own_port() -> void:
	for host: String in [LOOPBACK, "*"]:
		var end := endpoint("tcp", host)
		end.host = LOOPBACK
		var client := dial(end)
		var served := accept(end)
		check_eq(served.get_local_port(), end.port, "get_local_port, listening on " + host)
		check_eq(served.get_connected_port(), client.get_local_port(), "get_connected_port")


func test_an_accepted_uds_peer_knows_the_path() -> void:
	var pair := link("uds")
	check_eq(pair.served.get_connected_path(), pair.endpoint.path, "get_connected_path")
	pair.served.disconnect_from_host()
	check_eq(pair.served.get_connected_path(), "", "get_connected_path after disconnect_from_host")


func test_asking_a_closed_peer_prints_nothing() -> void:
	# The runner fails a test in which an error is printed.
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.disconnect_from_host()
		for peer: StreamPeer in [family.peer(kind), pair.client]:
			check_eq(peer.get_available_bytes(), -1, kind + ": get_available_bytes")
			if kind == "tcp":
				check_eq(peer.get_local_port(), 0, "get_local_port")
	check_eq(TCPServerRs.new().get_local_port(), 0, "the port of a fresh server")


func test_an_integer_beyond_32_bits_is_no_port() -> void:
	for port in [1 << 32, (1 << 32) + 80, 1 << 62]:
		var peer := StreamPeerTCPRs.new()
		check_eq(quietly(func() -> int: return peer.bind(port, LOOPBACK)), ERR_INVALID_PARAMETER, "bind %d" % port)
		check_eq(quietly(func() -> int: return peer.connect_to_host(LOOPBACK, port)), ERR_INVALID_PARAMETER,
				"connect %d" % port)
		check_eq(peer.get_status(), STATUS_NONE, "status after %d" % port)


func test_bind_to_what_is_no_address() -> void:
	for host in ["localhost", "", "1.2.3", "[::1]"]:
		var peer := StreamPeerTCPRs.new()
		check_eq(quietly(func() -> int: return peer.bind(0, host)), ERR_INVALID_PARAMETER, "bind to '%s'" % host)
		check_eq(peer.bind(0, LOOPBACK), OK, "a good address after '%s'" % host)


func test_uds_bind_then_connect() -> void:
	var end := endpoint("uds")
	var peer := StreamPeerUDSRs.new()
	var path := fresh_path()
	check_eq(peer.bind(path), OK, "bind")
	check_eq(peer.get_status(), STATUS_NONE, "status after bind")
	check_eq(end.connect_peer(peer), OK, "connect_to_host")
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "status")
	check_eq(peer.get_connected_path(), end.path, "the path of the client")
	peer.put_u8(1)
	check_eq(accept(end).get_u8(), 1, "a byte")


func test_a_failed_uds_bind_leaves_nothing_open() -> void:
	var end := endpoint("uds")
	var file := fresh_path("plain")
	FileAccess.open(file, FileAccess.WRITE).store_string("not a socket")
	for path: String in [file, "/nowhere/at/all", ""]:
		var peer := StreamPeerUDSRs.new()
		check(quietly(func() -> int: return peer.bind(path)) != OK, "bind to '%s'" % path)
		check_eq(end.connect_peer(peer), OK, "connect after a failed bind to '%s'" % path)
		settle(peer)
		check_eq(peer.get_status(), STATUS_CONNECTED, "status")


func test_a_path_outside_ascii_reads_as_it_was_given() -> void:
	var end := Endpoint.new()
	check_eq(end.open(family, "uds", fresh_path("söckel-⚡")), OK, "listen")
	check_eq(dial(end).get_connected_path(), end.path, "the path of the client")


func test_a_link_local_address_with_its_scope() -> void:
	var found := ""
	for interface in IP.get_local_interfaces():
		for address: String in interface["addresses"]:
			if address.begins_with("fe80:"):
				found = "%s%%%s" % [address, interface["name"]]
	if found.is_empty():
		return skip("this machine has no link-local address")
	var end := endpoint("tcp", "*")
	end.host = found
	var peer := dial(end)
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "connect to " + found)
	check(peer.get_connected_host().begins_with("fe80:"), "host: " + peer.get_connected_host())
	peer.put_u8(1)
	check_eq(accept(end).get_u8(), 1, "a byte")
