extends "res://tests/support/test_case.gd"
## Tests of listening, stopping, and listening again.


func test_listening_twice_is_refused() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		check_eq(quietly(end.reopen), ERR_ALREADY_IN_USE, kind + ": the second listen")
		check_eq(end.server.is_listening(), true, kind + ": still listening")
		settle(dial(end))
		check(accept(end) != null, kind + ": still accepting")


func test_a_used_tcp_port_is_refused() -> void:
	var end := endpoint("tcp")
	var other: RefCounted = family.tcp_server()
	check_eq(quietly(func() -> int: return other.listen(end.port, LOOPBACK)), ERR_ALREADY_IN_USE,
			"listen on a used port")
	check_eq(other.is_listening(), false, "the other server listens")
	check_eq(other.listen(0, LOOPBACK), OK, "the other server can listen elsewhere")


func test_an_address_of_another_machine_is_refused() -> void:
	var server: RefCounted = family.tcp_server()
	# An address of TEST-NET-1 (RFC 5737), which no machine has.
	check_eq(quietly(func() -> int: return server.listen(0, "192.0.2.1")), ERR_ALREADY_IN_USE,
			"listen")
	check_eq(server.is_listening(), false, "is_listening")


func test_listen_refuses_what_is_not_an_ip_address() -> void:
	for address in ["localhost", "", "256.1.1.1", "[::1]", "1.2.3", "not an address"]:
		var server: RefCounted = family.tcp_server()
		check_eq(quietly(func() -> int: return server.listen(0, address)), ERR_INVALID_PARAMETER,
				"listen on '%s'" % address)
		check_eq(server.is_listening(), false, "is_listening after '%s'" % address)
		check_eq(server.listen(0, LOOPBACK), OK, "a valid address after '%s'" % address)


func test_port_zero_lets_the_system_choose() -> void:
	var first := endpoint("tcp")
	var second := endpoint("tcp")
	check(first.port > 0 and second.port > 0, "ports are set")
	check(first.port != second.port, "ports differ")
	check_eq(quietly(func() -> int: return family.tcp_server().get_local_port()), 0,
			"the port of a fresh server")


func test_stop_closes_the_server_and_can_be_repeated() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		for round in 2:
			end.server.stop()
			check_eq(end.server.is_listening(), false, kind + ": is_listening after stop")
			check_eq(end.server.is_connection_available(), false,
					kind + ": is_connection_available after stop")
			check_null(end.server.take_connection(), kind + ": take_connection after stop")
		family.server(kind).stop()


func test_connects_to_a_stopped_tcp_server_are_refused() -> void:
	var pair := link("tcp")
	pair.client.disconnect_from_host()
	pair.endpoint.server.stop()
	var late := dial(pair.endpoint)
	check_eq(late.get_status(), STATUS_CONNECTING, "the status of a late client")
	var errors := []
	spin_until(func() -> bool:
		errors.append(late.poll())
		return late.get_status() != STATUS_CONNECTING, "the refusal")
	check_eq(errors.back(), ERR_CONNECTION_ERROR, "what the last poll returned")
	check_eq(late.get_status(), STATUS_ERROR, "the status after the refusal")
	check_eq(pair.endpoint.server.is_connection_available(), false, "is_connection_available")
	late.disconnect_from_host()
	check_eq(late.get_status(), STATUS_NONE, "the status after disconnect_from_host")


func test_connects_to_a_stopped_uds_server_fail() -> void:
	if lacks_uds():
		return
	var pair := link("uds")
	pair.client.disconnect_from_host()
	pair.endpoint.server.stop()
	check_eq(exists(pair.endpoint.path), false, "the socket file is removed")
	var late: StreamPeer = family.uds_peer()
	check_eq(quietly(func() -> int: return pair.endpoint.connect_peer(late)), FAILED,
			"connect_to_host")
	check_eq(late.get_status(), STATUS_NONE, "the status of a late client")


func test_stop_closes_waiting_connections() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var client := dial(end)
		settle(client)
		spin_until(func() -> bool: return end.server.is_connection_available(),
				kind + ": a waiting connection")
		end.server.stop()
		spin_until(func() -> bool:
			client.poll()
			return client.get_status() == STATUS_NONE or client.get_status() == STATUS_ERROR,
					kind + ": the client to notice")


func test_accepted_peers_stay_connected_after_stop() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.endpoint.server.stop()
		pair.client.put_u16(12345)
		check_eq(pair.served.get_u16(), 12345, kind + ": after stop")
		pair.endpoint.server = null
		pair.served.put_u16(54321)
		check_eq(pair.client.get_u16(), 54321, kind + ": after the server is freed")


func test_a_server_can_listen_on_the_same_address_after_stop() -> void:
	for kind: String in family.kinds():
		# This connection stays open, so the port is still in use when the server listens again.
		var pair := link(kind)
		for round in 3:
			pair.endpoint.server.stop()
			check_eq(pair.endpoint.reopen(), OK, "%s: listen again, round %d" % [kind, round])
			var client := dial(pair.endpoint)
			var served := accept(pair.endpoint)
			settle(client)
			served.disconnect_from_host()
			reaches(client, STATUS_NONE, kind + ": the end")


func test_freeing_a_server_stops_it() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		end.server = null
		var other: RefCounted = family.server(kind)
		end.server = other
		check_eq(end.reopen(), OK, kind + ": the address is free again")


func test_a_uds_server_makes_and_removes_its_file() -> void:
	if lacks_uds():
		return
	var end := endpoint("uds")
	check_eq(exists(end.path), true, "the file of a listening server")
	end.server.stop()
	check_eq(exists(end.path), false, "the file of a stopped server")


func test_a_dual_stack_server_accepts_ipv4_and_ipv6() -> void:
	var end := endpoint("tcp", "*")
	end.host = LOOPBACK
	var over_v4 := dial(end)
	check_eq(accept(end).get_connected_host(), LOOPBACK, "the host of an IPv4 client")
	settle(over_v4)
	check_eq(over_v4.get_status(), STATUS_CONNECTED, "IPv4")
	if not IP.get_local_addresses().has("0:0:0:0:0:0:0:1"):
		return
	end.host = "::1"
	var over_v6 := dial(end)
	check_eq(accept(end).get_connected_host(), "0:0:0:0:0:0:0:1", "the host of an IPv6 client")
	settle(over_v6)
	check_eq(over_v6.get_status(), STATUS_CONNECTED, "IPv6")
