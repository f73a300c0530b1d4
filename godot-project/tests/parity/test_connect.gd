extends "res://tests/support/test_case.gd"
## Connecting: refused arguments, failures, and changes of the status.


func test_a_fresh_peer_is_unconnected() -> void:
	for kind: String in family.kinds():
		var peer: StreamPeer = family.peer(kind)
		check_eq(peer.get_status(), STATUS_NONE, kind + ": status")
		check_eq(peer.poll(), OK, kind + ": poll")
		check_eq(peer.get_status(), STATUS_NONE, kind + ": status after poll")
		check_eq(peer.big_endian, false, kind + ": big_endian")
		check_eq(quietly(peer.get_available_bytes), -1, kind + ": get_available_bytes")
	var tcp: StreamPeer = family.tcp_peer()
	check_eq(tcp.get_connected_host(), "", "get_connected_host")
	check_eq(tcp.get_connected_port(), 0, "get_connected_port")
	check_eq(quietly(tcp.get_local_port), 0, "get_local_port")
	if family.has("StreamPeerUDS"):
		check_eq(family.uds_peer().get_connected_path(), "", "get_connected_path")


func test_a_tcp_port_out_of_range_is_refused() -> void:
	for port in [0, -1, 65536, 70000, 1 << 32, -(1 << 40)]:
		var peer: StreamPeer = family.tcp_peer()
		var error: int = quietly(func() -> int: return peer.connect_to_host(LOOPBACK, port))
		check_eq(error, ERR_INVALID_PARAMETER, "port %d" % port)
		check_eq(peer.get_status(), STATUS_NONE, "status after port %d" % port)
		check_eq(peer.get_connected_host(), "", "host after port %d" % port)


func test_a_malformed_host_name_cannot_be_resolved() -> void:
	# None of these is a name or an address, so no resolver is asked.
	for host in ["", "*", "[::1]", "256.1.1.1"]:
		var peer: StreamPeer = family.tcp_peer()
		var error: int = peer.connect_to_host(host, 80)
		# A lookup that does not block the caller fails later.
		if error == OK:
			check_eq(peer.get_status(), STATUS_CONNECTING, "status while '%s' is looked up" % host)
			settle(peer)
			check_eq(peer.get_status(), STATUS_ERROR, "status after '%s' was looked up" % host)
		else:
			check_eq(error, ERR_CANT_RESOLVE, "connect to '%s'" % host)
			check_eq(peer.get_status(), STATUS_NONE, "status after '%s'" % host)


func test_localhost_is_resolved() -> void:
	var end := endpoint("tcp", "*")
	end.host = "localhost"
	var peer := dial(end)
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "status")
	check(peer.get_connected_host() in [LOOPBACK, "0:0:0:0:0:0:0:1"],
			"host: " + peer.get_connected_host())


func test_a_refused_port_is_an_error_of_poll() -> void:
	var end := endpoint("tcp")
	end.stop()
	var peer := dial(end)
	check_eq(peer.get_status(), STATUS_CONNECTING, "status right after connect_to_host")
	var last := [OK]
	spin_until(func() -> bool:
		last[0] = peer.poll()
		return peer.get_status() != STATUS_CONNECTING, "the refusal")
	check_eq(last[0], ERR_CONNECTION_ERROR, "poll")
	check_eq(peer.get_status(), STATUS_ERROR, "status")
	check_eq(peer.get_connected_host(), "", "host")
	check_eq(peer.get_connected_port(), 0, "port")
	check_eq(peer.poll(), OK, "poll in STATUS_ERROR")
	check_eq(peer.get_status(), STATUS_ERROR, "status after another poll")
	peer.disconnect_from_host()
	check_eq(peer.get_status(), STATUS_NONE, "status after disconnect_from_host")


func test_a_connect_that_fails_at_once_leaves_the_peer_usable() -> void:
	var peer: StreamPeer = family.tcp_peer()
	# The system refuses TCP to the broadcast address in the call itself.
	check_eq(quietly(func() -> int: return peer.connect_to_host("255.255.255.255", 9)), FAILED,
			"connect_to_host")
	check_eq(peer.get_status(), STATUS_NONE, "status")
	check_eq(peer.get_connected_host(), "", "host")
	var end := endpoint("tcp")
	check_eq(end.connect_peer(peer), OK, "the same peer elsewhere")
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "status elsewhere")


func test_connecting_twice_is_refused() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer := dial(end)
		# TCP is still connecting here, a Unix domain socket is connected.
		check_eq(quietly(end.connect_peer.bind(peer)), ERR_ALREADY_IN_USE,
				kind + ": connect right after connect")
		settle(peer)
		check_eq(quietly(end.connect_peer.bind(peer)), ERR_ALREADY_IN_USE,
				kind + ": connect when connected")
		check_eq(peer.get_status(), STATUS_CONNECTED, kind + ": status is unchanged")
		peer.put_u8(1)
		check_eq(accept(end).get_u8(), 1, kind + ": the connection works")


func test_a_peer_connects_again_after_disconnect() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		for round in 5:
			pair.client.disconnect_from_host()
			check_eq(pair.endpoint.connect_peer(pair.client), OK, "%s: connect, round %d" % [kind, round])
			pair.served = accept(pair.endpoint)
			settle(pair.client)
			pair.client.put_u8(round)
			check_eq(pair.served.get_u8(), round, "%s: a byte, round %d" % [kind, round])


func test_disconnect_clears_the_peer_and_can_be_repeated() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		for round in 3:
			pair.client.disconnect_from_host()
			check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status")
			check_eq(quietly(pair.client.get_available_bytes), -1, kind + ": get_available_bytes")
			if kind == "tcp":
				check_eq(pair.client.get_connected_host(), "", "host")
				check_eq(pair.client.get_connected_port(), 0, "port")
				check_eq(quietly(pair.client.get_local_port), 0, "local port")
			else:
				check_eq(pair.client.get_connected_path(), "", "path")
		reaches(pair.served, STATUS_NONE, kind + ": the end on the other side")
		family.peer(kind).disconnect_from_host()


func test_disconnect_cancels_a_connect() -> void:
	var end := endpoint("tcp")
	var peer := dial(end)
	peer.disconnect_from_host()
	check_eq(peer.get_status(), STATUS_NONE, "status")
	check_eq(peer.poll(), OK, "poll")
	check_eq(peer.get_status(), STATUS_NONE, "status after poll")


func test_transfers_fail_while_connecting() -> void:
	var end := endpoint("tcp")
	var peer := dial(end)
	check_eq(peer.get_status(), STATUS_CONNECTING, "status")
	check_eq(peer.get_available_bytes(), 0, "get_available_bytes")
	check_eq(peer.put_data([1, 2]), FAILED, "put_data")
	check_eq(peer.put_partial_data([1, 2]), [FAILED, 0], "put_partial_data")
	check_eq(peer.get_data(2)[0], FAILED, "get_data")
	check_eq(peer.get_partial_data(2), [FAILED, PackedByteArray()], "get_partial_data")
	check_eq(peer.get_status(), STATUS_CONNECTING, "status afterwards")
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "status after poll")
	check_eq(peer.put_data([3]), OK, "put_data when connected")
	check_eq(accept(end).get_u8(), 3, "only the byte that was put when connected")


func test_no_delay_can_be_set_on_an_open_peer() -> void:
	var pair := link("tcp")
	for enabled in [true, false, true]:
		pair.client.set_no_delay(enabled)
		pair.client.put_u8(9)
		check_eq(pair.served.get_u8(), 9, "a byte with no_delay %s" % enabled)
	quietly(func() -> void: family.tcp_peer().set_no_delay(true))


func test_peers_connect_over_ipv6() -> void:
	if not IP.get_local_addresses().has("0:0:0:0:0:0:0:1"):
		return skip("this machine has no ::1")
	var pair := link("tcp", "::1")
	check_eq(pair.client.get_connected_host(), "0:0:0:0:0:0:0:1", "host of the client")
	check_eq(pair.served.get_connected_host(), "0:0:0:0:0:0:0:1", "host of the accepted peer")
	check_eq(pair.served.get_connected_port(), pair.client.get_local_port(),
			"port of the accepted peer")
	pair.client.put_utf8_string("sechs: ⑥")
	check_eq(pair.served.get_utf8_string(), "sechs: ⑥", "a string")


func test_an_ipv4_mapped_address_is_reported_as_ipv4() -> void:
	var end := endpoint("tcp")
	end.host = "::ffff:127.0.0.1"
	var peer := dial(end)
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "status")
	check_eq(peer.get_connected_host(), LOOPBACK, "host")
