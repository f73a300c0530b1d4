extends "res://tests/support/test_case.gd"
## Where servers go beyond the engine's classes.


func test_a_port_out_of_range_is_refused() -> void:
	for port in [-1, 65536, 70000, 1 << 32]:
		var server := TCPServerRs.new()
		check_eq(quietly(func() -> int: return server.listen(port, LOOPBACK)), ERR_INVALID_PARAMETER, "port %d" % port)
		check_eq(server.is_listening(), false, "is_listening after %d" % port)


func test_more_clients_than_eight_can_wait() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var clients: Array[StreamPeer] = []
		for i in 60:
			var client := dial(end)
			settle(client)
			check_eq(client.get_status(), STATUS_CONNECTED, "%s: client %d" % [kind, i])
			clients.append(client)
		for i in clients.size():
			clients[i].put_u8(i)
			check_eq(accept(end).get_u8(), i, "%s: the byte of client %d" % [kind, i])


func test_a_live_servers_path_is_not_taken() -> void:
	var first := endpoint("uds")
	var second := UDSServerRs.new()
	check_eq(quietly(func() -> int: return second.listen(first.path)), ERR_ALREADY_IN_USE, "listen on a live path")
	check_eq(second.is_listening(), false, "is_listening")
	second = null
	var client := dial(first)
	client.put_u8(1)
	check_eq(accept(first).get_u8(), 1, "the first server goes on")


func test_a_full_servers_path_is_not_taken() -> void:
	# A queue that is full must not be mistaken for a server that is gone.
	var first := endpoint("uds")
	var queue: Array[StreamPeer] = []
	while queue.size() < 5000:
		queue.append(dial(first))
		if queue.back().get_status() == STATUS_CONNECTING:
			break
	check_eq(queue.back().get_status(), STATUS_CONNECTING, "the queue is full")
	var second := UDSServerRs.new()
	check_eq(quietly(func() -> int: return second.listen(first.path)), ERR_ALREADY_IN_USE, "listen on a full path")
	accept(first)
	reaches(queue.back(), STATUS_CONNECTED, "the last in the queue")


func test_stop_leaves_the_file_of_a_successor() -> void:
	var first := endpoint("uds")
	check_eq(DirAccess.remove_absolute(first.path), OK, "somebody removes the file")
	var second := Endpoint.new()
	check_eq(second.open(family, "uds", first.path), OK, "a second server listens there")
	first.server.stop()
	var client := dial(second)
	check_eq(client.get_status(), STATUS_CONNECTED, "the second server's file is still there")


func test_a_dangling_link_is_left_alone() -> void:
	var path := fresh_path()
	var target := fresh_path("target")
	if OS.execute("ln", ["-s", target, path]) != 0:
		return skip("no symbolic links here")
	check_eq(quietly(func() -> int: return UDSServerRs.new().listen(path)), ERR_ALREADY_IN_USE, "listen")
	check_eq(OS.execute("test", ["-L", path]), 0, "the link is still there")
	quietly(func() -> int: return StreamPeerUDSRs.new().bind(path))
	check_eq(OS.execute("test", ["-L", path]), 0, "the link is still there after bind")


func test_a_child_process_does_not_keep_connections() -> void:
	if not OS.has_feature("linux"):
		return skip("the child process is a Unix program")
	for kind: String in family.kinds():
		var pair := link(kind)
		var child := OS.create_process("sleep", ["60"])
		check(child > 0, "a child process")
		pair.served.disconnect_from_host()
		reaches(pair.client, STATUS_NONE, kind + ": the end, with a child process still there")
		pair.endpoint.server.stop()
		# Until it starts its own program, the child has what this process had open.
		spin_until(func() -> bool: return quietly(pair.endpoint.reopen) == OK, kind + ": listening again")
		OS.kill(child)


func test_an_accepted_peer_in_an_abandoned_queue_is_closed() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var client := dial(end)
		settle(client)
		end.server = null
		spin_until(func() -> bool:
			client.poll()
			return client.get_status() != STATUS_CONNECTED, kind + ": the client to notice")
