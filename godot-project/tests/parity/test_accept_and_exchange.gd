extends "res://tests/support/test_case.gd"
## Servers and their clients, over TCP and Unix domain sockets, from listen to stop.


func test_a_fresh_server_is_idle() -> void:
	for kind: String in family.kinds():
		var server: RefCounted = family.server(kind)
		check_eq(server.is_listening(), false, kind + ": is_listening")
		check_eq(server.is_connection_available(), false, kind + ": is_connection_available")
		check_null(server.take_connection(), kind + ": take_connection")


func test_a_listening_server_has_no_connection_yet() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		check_eq(end.server.is_listening(), true, kind + ": is_listening")
		check_eq(end.server.is_connection_available(), false, kind + ": is_connection_available")
		check_null(end.server.take_connection(), kind + ": take_connection")


func test_a_tcp_client_is_connecting_and_knows_its_host_at_once() -> void:
	var end := endpoint("tcp")
	var client := dial(end)
	check_eq(client.get_status(), STATUS_CONNECTING, "status right after connect_to_host")
	check_eq(client.get_connected_host(), LOOPBACK, "host right after connect_to_host")
	check_eq(client.get_connected_port(), end.port, "port right after connect_to_host")
	settle(client)
	check_eq(client.get_status(), STATUS_CONNECTED, "status after poll")
	check_eq(client.get_connected_host(), LOOPBACK, "host when connected")
	check_eq(client.get_connected_port(), end.port, "port when connected")
	var served := accept(end)
	check_eq(served.get_status(), STATUS_CONNECTED, "status of the accepted peer")
	check_eq(served.get_connected_host(), LOOPBACK, "host of the accepted peer")
	check_eq(served.get_connected_port(), client.get_local_port(),
			"the accepted peer's port is the client's own")


func test_a_uds_client_is_connected_at_once() -> void:
	if lacks_uds():
		return
	var end := endpoint("uds")
	var client := dial(end)
	check_eq(client.get_status(), STATUS_CONNECTED, "status right after connect_to_host")
	check_eq(client.get_connected_path(), end.path, "the path of the client")
	check_eq(accept(end).get_status(), STATUS_CONNECTED, "status of the accepted peer")


func test_values_are_exchanged_in_both_directions() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.put_string("Hello World!")
		check_eq(pair.served.get_string(), "Hello World!", kind + ": the string")
		pair.served.put_float(0.15625)
		check_eq(pair.client.get_float(), 0.15625, kind + ": the float")
		pair.client.put_32(42)
		check_eq(pair.served.get_32(), 42, kind + ": the integer")
		pair.client.disconnect_from_host()
		pair.endpoint.server.stop()
		check_eq(pair.endpoint.server.is_listening(), false, kind + ": is_listening after stop")


func test_connections_are_taken_in_the_order_of_the_connects() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var clients: Array[StreamPeer] = []
		for i in 5:
			clients.append(dial(end))
		var served: Array[StreamPeer] = []
		for i in 5:
			served.append(accept(end))
		for i in 5:
			settle(clients[i])
			check_eq(clients[i].get_status(), STATUS_CONNECTED, "%s: client %d" % [kind, i])
		# Connections are taken in the order in which they were made.
		for i in 5:
			clients[i].put_string("Hello %d" % i)
			check_eq(served[i].get_string(), "Hello %d" % i, "%s: the string of client %d" % [kind, i])


func test_take_socket_connection_gives_the_peer_class() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		if not end.server.has_method("take_socket_connection"):
			return skip("this engine's server has no take_socket_connection")
		check_null(end.server.take_socket_connection(), kind + ": nothing to take")
		var client := dial(end)
		spin_until(func() -> bool: return end.server.is_connection_available(),
				kind + ": a connection to take")
		var served: StreamPeer = end.server.take_socket_connection()
		check_eq(served.get_class(), client.get_class(), kind + ": the class of the accepted peer")
		check_eq(served.get_status(), STATUS_CONNECTED, kind + ": its status")
		settle(client)
		served.put_u8(7)
		check_eq(client.get_u8(), 7, kind + ": a byte through it")


func test_the_server_can_disconnect_a_client() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.put_string("Hello World!")
		check_eq(pair.served.get_string(), "Hello World!", kind + ": the string")
		pair.served.disconnect_from_host()
		pair.endpoint.server.stop()
		reaches(pair.client, STATUS_NONE, kind + ": the end on the client's side")
		check_eq(pair.served.get_status(), STATUS_NONE, kind + ": the status of the one that closed")
		var texts: Array = quietly(
				func() -> Array: return [pair.client.get_string(), pair.served.get_string()])
		check_eq(texts, ["", ""], kind + ": strings from closed peers")


func test_two_servers_do_not_mix() -> void:
	for kind: String in family.kinds():
		var first := link(kind)
		var second := link(kind)
		first.client.put_32(1)
		second.client.put_32(2)
		check_eq(first.served.get_32(), 1, kind + ": through the first server")
		check_eq(second.served.get_32(), 2, kind + ": through the second server")
