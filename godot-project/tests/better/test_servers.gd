extends "res://tests/support/test_case.gd"
## Servers and the peers that they accept.


func test_an_accepted_tcp_peer_knows_its_own_port() -> void:
	for host: String in [LOOPBACK, "*"]:
		var end := endpoint("tcp", host)
		end.host = LOOPBACK
		var client := dial(end)
		var served := accept(end)
		check_eq(served.get_local_port(), end.port, "get_local_port, listening on " + host)
		check_eq(served.get_connected_port(), client.get_local_port(), "get_connected_port")


func test_an_accepted_uds_peer_knows_the_path() -> void:
	if lacks_uds():
		return
	var pair := link("uds")
	check_eq(pair.served.get_connected_path(), pair.endpoint.path, "get_connected_path")
	pair.served.disconnect_from_host()
	check_eq(pair.served.get_connected_path(), "", "get_connected_path after disconnect_from_host")


func test_listen_does_not_take_the_path_of_a_live_server() -> void:
	if lacks_uds():
		return
	var first := endpoint("uds")
	var second: RefCounted = family.uds_server()
	check_eq(quietly(func() -> int: return second.listen(first.path)), ERR_ALREADY_IN_USE,
			"listen on a live path")
	check_eq(second.is_listening(), false, "is_listening")
	second = null
	var client: StreamPeer = family.uds_peer()
	if check_eq(quietly(func() -> int: return first.connect_peer(client)), OK,
			"connect to the first server"):
		client.put_u8(1)
		check_eq(accept(first).get_u8(), 1, "the first server still serves")


func test_stop_leaves_the_file_of_a_successor() -> void:
	if lacks_uds():
		return
	var first := endpoint("uds")
	check_eq(DirAccess.remove_absolute(first.path), OK, "the first server's file is removed")
	var second := Endpoint.new()
	check_eq(second.open(family, "uds", first.path), OK, "a second server listens there")
	first.server.stop()
	var client: StreamPeer = family.uds_peer()
	check_eq(quietly(func() -> int: return second.connect_peer(client)), OK,
			"connect to the second server")
	check_eq(client.get_status(), STATUS_CONNECTED, "status")


func test_listen_does_not_remove_a_dangling_link() -> void:
	if lacks_uds():
		return
	var path := fresh_path()
	var target := fresh_path("target")
	if OS.has_feature("windows") or OS.execute("ln", ["-s", target, path]) != 0:
		return skip("this system has no symbolic links")
	check_eq(quietly(func() -> int: return family.uds_server().listen(path)), ERR_ALREADY_IN_USE,
			"listen")
	check_eq(OS.execute("test", ["-L", path]), 0, "the link is still there")
	quietly(func() -> int: return family.uds_peer().bind(path))
	check_eq(OS.execute("test", ["-L", path]), 0, "the link is still there after bind")


func test_a_child_process_does_not_keep_connections_open() -> void:
	if OS.has_feature("windows") or OS.execute("true", []) != 0:
		return skip("the child process is a Unix program")
	for kind: String in family.kinds():
		var pair := link(kind)
		var child := OS.create_process("sleep", ["60"])
		check(child > 0, "a child process")
		pair.served.disconnect_from_host()
		reaches(pair.client, STATUS_NONE, kind + ": the end while a child process runs")
		pair.endpoint.server.stop()
		# The child has all descriptors of this process until it starts its own program.
		spin_until(func() -> bool: return quietly(pair.endpoint.reopen) == OK, kind + ": listening again")
		OS.kill(child)


func test_a_port_out_of_range_is_refused() -> void:
	for port in [-1, 65536, 70000, 1 << 32]:
		var server: RefCounted = family.tcp_server()
		check_eq(quietly(func() -> int: return server.listen(port, LOOPBACK)), ERR_INVALID_PARAMETER,
				"port %d" % port)
		check_eq(server.is_listening(), false, "is_listening after %d" % port)


func test_more_than_eight_clients_can_wait() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var clients: Array[StreamPeer] = []
		for i in 60:
			var client := dial(end)
			# On loopback the system accepts a connection within the call, or only after there is
			# room.
			poll_connect(client)
			if not check_eq(client.get_status(), STATUS_CONNECTED, "%s: client %d" % [kind, i]):
				return
			clients.append(client)
		for i in clients.size():
			clients[i].put_u8(i)
			check_eq(accept(end).get_u8(), i, "%s: the byte of client %d" % [kind, i])
