extends "res://tests/support/test_case.gd"
## Tests of binding a peer to a local address before it connects.


func test_a_local_port_out_of_range_is_refused() -> void:
	for port in [-1, -901, 65536, 70000]:
		var peer: StreamPeer = family.tcp_peer()
		check_eq(quietly(func() -> int: return peer.bind(port, LOOPBACK)), ERR_INVALID_PARAMETER,
				"port %d" % port)
		check_eq(peer.get_status(), STATUS_NONE, "status after port %d" % port)
		check_eq(peer.bind(0, LOOPBACK), OK, "a valid port after %d" % port)


func test_bind_opens_and_disconnect_closes() -> void:
	var peer: StreamPeer = family.tcp_peer()
	check_eq(peer.bind(0, LOOPBACK), OK, "bind")
	check(peer.get_local_port() > 0, "the local port is set")
	check_eq(peer.get_status(), STATUS_NONE, "status")
	check_eq(quietly(func() -> int: return peer.bind(0, LOOPBACK)), ERR_ALREADY_IN_USE,
			"bind when open")
	peer.disconnect_from_host()
	check_eq(quietly(peer.get_local_port), 0, "the local port after disconnect")
	check_eq(peer.bind(0), OK, "bind again, to every address")


func test_bind_then_connect_keeps_the_port() -> void:
	for address in [LOOPBACK, "127.0.0.2"]:
		var end := endpoint("tcp")
		var peer: StreamPeer = family.tcp_peer()
		if address != LOOPBACK and OS.get_name() != "Linux":
			continue
		check_eq(peer.bind(0, address), OK, "bind to " + address)
		var port: int = peer.get_local_port()
		check_eq(end.connect_peer(peer), OK, "connect_to_host")
		check_eq(peer.get_local_port(), port, "the port while connecting")
		settle(peer)
		check_eq(peer.get_status(), STATUS_CONNECTED, "status")
		var served := accept(end)
		check_eq(served.get_connected_host(), address, "the host the server sees")
		check_eq(served.get_connected_port(), port, "the port the server sees")


func test_bind_to_every_address_reaches_both_families() -> void:
	var hosts := [LOOPBACK]
	if IP.get_local_addresses().has("0:0:0:0:0:0:0:1"):
		hosts.append("::1")
	for host: String in hosts:
		var end := endpoint("tcp", host)
		var peer: StreamPeer = family.tcp_peer()
		check_eq(peer.bind(0, "*"), OK, "bind")
		check_eq(end.connect_peer(peer), OK, "connect to " + host)
		settle(peer)
		check_eq(peer.get_status(), STATUS_CONNECTED, "status, " + host)


func test_a_failed_bind_leaves_the_peer_usable() -> void:
	var end := endpoint("tcp")
	for target in [["192.0.2.1", 0], [LOOPBACK, end.port]]:
		var peer: StreamPeer = family.tcp_peer()
		check_eq(peer.bind(target[1], target[0]), ERR_UNAVAILABLE, "bind to %s" % [target])
		check_eq(peer.get_status(), STATUS_NONE, "status")
		check_eq(end.connect_peer(peer), OK, "connect after a failed bind")
		settle(peer)
		check_eq(peer.get_status(), STATUS_CONNECTED, "status after connect")


func test_bind_of_a_connected_peer_is_refused() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var bind: Callable = (pair.client.bind.bind(0) if kind == "tcp"
				else pair.client.bind.bind(fresh_path()))
		check_eq(quietly(bind), ERR_ALREADY_IN_USE, kind + ": bind")
		pair.client.put_u8(5)
		check_eq(pair.served.get_u8(), 5, kind + ": the connection works")


func test_uds_bind_refuses_what_is_not_a_socket() -> void:
	if lacks_uds():
		return
	var file := fresh_path("plain")
	FileAccess.open(file, FileAccess.WRITE).store_string("not a socket")
	check_eq(family.uds_peer().bind(file), ERR_ALREADY_EXISTS, "a regular file")
	check_eq(family.uds_peer().bind(file.get_base_dir()), ERR_ALREADY_EXISTS, "a directory")
	check_eq(FileAccess.get_file_as_string(file), "not a socket", "the file is untouched")
	check_eq(family.uds_peer().bind("/nowhere/at/all"), ERR_UNAVAILABLE, "a missing directory")


func test_uds_bind_makes_a_file_and_removes_it() -> void:
	if lacks_uds():
		return
	var peer: StreamPeer = family.uds_peer()
	var path := fresh_path()
	check_eq(peer.bind(path), OK, "bind")
	check_eq(is_socket(path), true, "the socket file is there")
	peer.disconnect_from_host()
	check_eq(exists(path), false, "the socket file is gone")


func test_uds_bind_without_permission_is_refused() -> void:
	if lacks_uds():
		return
	if OS.has_feature("windows"):
		return skip("folders have no such permissions on Windows")
	var directory := fresh_path("closed")
	DirAccess.make_dir_recursive_absolute(directory)
	FileAccess.set_unix_permissions(directory,
			FileAccess.UNIX_READ_OWNER | FileAccess.UNIX_EXECUTE_OWNER)
	if OS.execute("test", ["-w", directory]) == 0:
		return skip("this user may write everywhere")
	check_eq(family.uds_peer().bind(directory.path_join("s")), ERR_UNAUTHORIZED, "bind")
