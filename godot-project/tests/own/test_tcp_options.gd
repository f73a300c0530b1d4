extends "res://tests/support/test_case.gd"
## Tests of the options and addresses of TCP peers.


func test_no_delay_can_be_set_before_and_after_connecting() -> void:
	var fresh := StreamPeerTCPRs.new()
	check_eq(fresh.is_no_delay_enabled(), false, "the default")
	fresh.set_no_delay(true)
	check_eq(fresh.is_no_delay_enabled(), true, "before connecting")
	var end := endpoint("tcp")
	end.connect_peer(fresh)
	settle(fresh)
	check_eq(fresh.is_no_delay_enabled(), true, "when connected")
	fresh.set_no_delay(false)
	check_eq(fresh.is_no_delay_enabled(), false, "switched off")
	accept(end).set_no_delay(true)


func test_keep_alive_accepts_positive_values_only() -> void:
	if System.is_wine():
		return skip("Wine has no TCP_KEEPCNT")
	var pair := link("tcp")
	for peer: StreamPeerTCPRs in [StreamPeerTCPRs.new(), pair.client, pair.served]:
		check_eq(peer.set_keep_alive(true), OK, "with the defaults")
		check_eq(peer.set_keep_alive(true, 5, 2, 3), OK, "with its own times")
		check_eq(peer.set_keep_alive(false), OK, "switched off")
		for bad: Array in [[0, 10, 5], [60, 0, 5], [60, 10, 0], [-1, 10, 5], [60, 10, 1 << 40]]:
			check_eq(quietly(func() -> int: return peer.callv("set_keep_alive", [true] + bad)),
					ERR_INVALID_PARAMETER, str(bad))
		check(peer.get_status() in [STATUS_NONE, STATUS_CONNECTED], "status")


func test_keep_alive_reaches_the_socket() -> void:
	if not OS.has_feature("linux"):
		return skip("the options of a socket are visible on Linux only")
	var end := endpoint("tcp")
	var before := StreamPeerTCPRs.new()
	before.set_keep_alive(true, 33)
	end.connect_peer(before)
	settle(before)
	check_eq(_socket_has(before, "timer:(keepalive,3"), true, "set before connecting")
	var after := dial(end)
	settle(after)
	check_eq(_socket_has(after, "keepalive"), false, "not set")
	after.set_keep_alive(true, 33)
	check_eq(_socket_has(after, "timer:(keepalive,3"), true, "set when connected")
	after.set_keep_alive(false)
	check_eq(_socket_has(after, "keepalive"), false, "switched off")


func test_user_timeout_and_linger_validate_their_values() -> void:
	var pair := link("tcp")
	var settable: Error = OK if OS.has_feature("linux") else ERR_UNAVAILABLE
	for peer: StreamPeerTCPRs in [StreamPeerTCPRs.new(), pair.client, pair.served]:
		for seconds: float in [5.0, 0.5, 0.0, INF, 1e30]:
			# No time limit is the default, which every system supports.
			var is_none := seconds == 0.0 or seconds >= 1e30
			check_eq(peer.set_user_timeout(seconds), OK if is_none else settable,
					"set_user_timeout(%s)" % seconds)
		for seconds: float in [5.0, 0.5, 0.0, INF, 1e30, -1.0, -INF]:
			check_eq(peer.set_linger(seconds), OK, "set_linger(%s)" % seconds)
		for seconds: float in [-1.0, -1e-10, -INF, NAN]:
			check_eq(quietly(func() -> int: return peer.set_user_timeout(seconds)), ERR_INVALID_PARAMETER,
					"set_user_timeout(%s)" % seconds)
			check_eq(peer.get_last_error(), ERR_INVALID_PARAMETER, "get_last_error after %s" % seconds)
		check_eq(peer.set_user_timeout(1.0), settable, "set_user_timeout")
		check_eq(peer.get_last_error(), settable, "get_last_error after a valid value")
		check_eq(quietly(func() -> int: return peer.set_linger(NAN)), ERR_INVALID_PARAMETER,
				"set_linger(NAN)")
		check(peer.get_last_error_message().begins_with("set_linger: "), peer.get_last_error_message())
	pair.client.put_u8(1)
	check_eq(pair.served.get_u8(), 1, "a byte")


func test_a_linger_of_zero_resets_the_connection() -> void:
	var pair := link("tcp")
	check_eq(pair.client.set_linger(0.0), OK, "set_linger")
	pair.client.disconnect_from_host()
	spin_until(func() -> bool:
		pair.served.poll()
		return pair.served.get_status() != STATUS_CONNECTED, "the other side to notice")


func test_closing_with_a_linger_time_does_not_wait() -> void:
	var pair := link("tcp")
	check_eq(pair.client.set_linger(30.0), OK, "set_linger")
	pair.client.write_buffer_limit = 64 << 20
	var bytes := PackedByteArray()
	bytes.resize(16 << 20)
	check_eq(pair.client.put_data(bytes), OK, "put_data")
	var start := Time.get_ticks_msec()
	pair.client.disconnect_from_host()
	pair.client = null
	check(not System.is_over(start, 2500), "closing did not wait for the peer")


func test_buffer_sizes_can_be_set_and_read() -> void:
	for kind: String in family.kinds():
		for direction: String in ["send", "receive"]:
			var setter := "set_%s_buffer_size" % direction
			var getter := "get_%s_buffer_size" % direction
			var end := endpoint(kind)
			var peer: StreamPeer = family.peer(kind)
			check_eq(peer.call(getter), 0, "%s: %s without a socket" % [kind, getter])
			check_eq(peer.call(setter, 20000), OK, "%s: %s before connecting" % [kind, setter])
			end.connect_peer(peer)
			settle(peer)
			# The system rounds up, and Linux doubles the size.
			check(peer.call(getter) >= 20000 and peer.call(getter) < 80000,
					"%s: %s is %d" % [kind, getter, peer.call(getter)])
			check_eq(peer.call(setter, 50000), OK, "%s: %s when connected" % [kind, setter])
			check(peer.call(getter) >= 50000, "%s: %s is %d" % [kind, getter, peer.call(getter)])
			for bad: int in [0, -1, 1 << 40]:
				check_eq(quietly(func() -> int: return peer.call(setter, bad)), ERR_INVALID_PARAMETER,
						"%s: %s(%d)" % [kind, setter, bad])
			accept(end).put_u8(1)
			check_eq(peer.get_u8(), 1, kind + ": a byte")
			peer.disconnect_from_host()
			check_eq(peer.call(getter), 0, "%s: %s when closed" % [kind, getter])


func test_get_local_host_follows_the_socket() -> void:
	var fresh := StreamPeerTCPRs.new()
	check_eq(fresh.get_local_host(), "", "fresh")
	check_eq(fresh.bind(0, LOOPBACK), OK, "bind")
	check_eq(fresh.get_local_host(), LOOPBACK, "bound")
	check(fresh.get_local_port() > 0, "the port")
	var pair := link("tcp")
	for peer: StreamPeerTCPRs in [pair.client, pair.served]:
		check_eq(peer.get_local_host(), LOOPBACK, "connected")
	pair.client.disconnect_from_host()
	check_eq(pair.client.get_local_host(), "", "closed")
	if IP.get_local_addresses().has("0:0:0:0:0:0:0:1"):
		var over_v6 := link("tcp", "::1")
		check_eq(over_v6.client.get_local_host(), "0:0:0:0:0:0:0:1", "over IPv6")
		check_eq(over_v6.served.get_connected_host(), "0:0:0:0:0:0:0:1", "over IPv6, the other side")


func test_a_scope_can_be_a_name_or_a_number() -> void:
	for interface in IP.get_local_interfaces():
		for address: String in interface["addresses"]:
			if address.begins_with("fe80:"):
				for scope: String in [interface["name"], str(interface["index"])]:
					var end := endpoint("tcp", "*")
					end.host = "%s%%%s" % [address, scope]
					var peer := dial(end)
					settle(peer)
					check_eq(peer.get_status(), STATUS_CONNECTED, end.host)
					# The reported address can be used to connect again.
					end.host = peer.get_connected_host()
					check(end.host.contains("%"), "the scope is in " + end.host)
					var again := dial(end)
					settle(again)
					check_eq(again.get_status(), STATUS_CONNECTED, end.host)
				return
	skip("this machine has no link-local address")


func test_an_unknown_scope_is_refused() -> void:
	var peer := StreamPeerTCPRs.new()
	for host: String in ["fe80::1%nothing0", "fe80::1%", "127.0.0.1%lo"]:
		check(quietly(func() -> int: return peer.connect_to_host(host, 80)) != OK, host)
		check_eq(peer.get_status(), STATUS_NONE, "status after " + host)


func test_localhost_reaches_a_server_on_ipv4_or_ipv6() -> void:
	var hosts := [LOOPBACK]
	if IP.get_local_addresses().has("0:0:0:0:0:0:0:1"):
		hosts.append("::1")
	for host: String in hosts:
		var end := endpoint("tcp", host)
		var peer := StreamPeerTCPRs.new()
		check_eq(peer.connect_to_host("localhost", end.port), OK, "connect_to_host")
		check_eq(peer.get_status(), STATUS_CONNECTING, "status")
		settle(peer)
		if host == LOOPBACK:
			check_eq(peer.get_status(), STATUS_CONNECTED, "localhost with a server on " + host)
			peer.put_u8(1)
			check_eq(accept(end).get_u8(), 1, "a byte")


# Whether the system's list of connections has `what` in the entry of `peer`. True where there is no
# such list.
func _socket_has(peer: StreamPeerTCPRs, what: String) -> bool:
	var output := []
	var port := peer.get_local_port()
	if OS.execute("ss", ["-Htnoi", "sport", "=", ":%d" % port], output) != 0:
		return not what.is_empty()
	return output[0].contains(what)
