extends "res://tests/support/test_case.gd"
## Cases in which connecting and binding do more than the engine's classes.


func test_a_port_of_more_than_32_bits_is_refused() -> void:
	for port in [1 << 32, (1 << 32) + 80, 1 << 62]:
		var peer := StreamPeerTCPRs.new()
		check_eq(quietly(func() -> int: return peer.bind(port, LOOPBACK)), ERR_INVALID_PARAMETER,
				"bind %d" % port)
		check_eq(quietly(func() -> int: return peer.connect_to_host(LOOPBACK, port)),
				ERR_INVALID_PARAMETER,
				"connect %d" % port)
		check_eq(peer.get_status(), STATUS_NONE, "status after %d" % port)


func test_bind_refuses_what_is_not_an_ip_address() -> void:
	for host in ["localhost", "", "1.2.3", "[::1]"]:
		var peer := StreamPeerTCPRs.new()
		check_eq(quietly(func() -> int: return peer.bind(0, host)), ERR_INVALID_PARAMETER,
				"bind to '%s'" % host)
		check_eq(peer.bind(0, LOOPBACK), OK, "a good address after '%s'" % host)


func test_get_connected_path_keeps_characters_beyond_ascii() -> void:
	if lacks_uds():
		return
	var end := Endpoint.new()
	check_eq(end.open(family, "uds", fresh_path("söckel-⚡")), OK, "listen")
	check_eq(dial(end).get_connected_path(), end.path, "the path of the client")
