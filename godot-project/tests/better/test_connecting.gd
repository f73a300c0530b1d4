extends "res://tests/support/test_case.gd"
## Connects to names, after a failure, and from a bound socket.

const EngineProcess := preload("res://tests/support/engine_process.gd")


func test_a_slow_lookup_does_not_block_the_call() -> void:
	var end := endpoint("tcp")
	for line in _connect_to(end, ["slow.test"]):
		# The resolver takes two seconds.
		check(line[1].to_int() < 1000, "connect_to_host came back after %s ms" % line[1])
		check_eq(line[2], str(STATUS_CONNECTED), "final status")


func test_every_address_of_a_name_is_tried() -> void:
	# The name's first address is ::1, where no server listens.
	var end := endpoint("tcp")
	for line in _connect_to(end, ["both.test"]):
		check_eq(line[2], str(STATUS_CONNECTED), "status")
		check_eq(line[3], LOOPBACK, "host")


func test_a_name_is_looked_up_at_each_connect() -> void:
	var end := endpoint("tcp", "*")
	var lines := _connect_to(end, ["moves.test", "moves.test"])
	if not lines.is_empty():
		check(lines[0][3].begins_with("127.0.0."), "the first host: " + lines[0][3])
		check_eq(lines[1][3], "127.0.0.3", "the host that the name has moved to")


func test_a_tcp_peer_connects_again_after_an_error() -> void:
	var end := endpoint("tcp")
	end.stop()
	var peer := dial(end)
	reaches(peer, STATUS_ERROR, "the refusal")
	check_eq(end.reopen(), OK, "listen again")
	if not check_eq(end.connect_peer(peer), OK, "connect in STATUS_ERROR"):
		return
	check_eq(peer.get_status(), STATUS_CONNECTING, "status")
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "status after poll")
	peer.put_u8(1)
	check_eq(accept(end).get_u8(), 1, "a byte")


func test_a_bound_uds_peer_can_connect() -> void:
	if lacks_uds():
		return
	var end := endpoint("uds")
	var peer: StreamPeer = family.uds_peer()
	var path := fresh_path()
	check_eq(peer.bind(path), OK, "bind")
	check_eq(peer.get_status(), STATUS_NONE, "status after bind")
	if not check_eq(end.connect_peer(peer), OK, "connect_to_host"):
		return
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "status")
	check_eq(peer.get_connected_path(), end.path, "the path of the client")
	peer.put_u8(1)
	check_eq(accept(end).get_u8(), 1, "a byte")


func test_a_failed_uds_bind_leaves_the_peer_usable() -> void:
	if lacks_uds():
		return
	var end := endpoint("uds")
	var file := fresh_path("plain")
	FileAccess.open(file, FileAccess.WRITE).store_string("not a socket")
	for path: String in [file, "/nowhere/at/all", ""]:
		var peer: StreamPeer = family.uds_peer()
		check(quietly(func() -> int: return peer.bind(path)) != OK, "bind to '%s'" % path)
		check_eq(end.connect_peer(peer), OK, "connect after a failed bind to '%s'" % path)
		settle(peer)
		check_eq(peer.get_status(), STATUS_CONNECTED, "status")


func test_a_link_local_address_can_have_its_scope() -> void:
	var found := ""
	for interface in IP.get_local_interfaces():
		for address: String in interface["addresses"]:
			if address.begins_with("fe80:"):
				found = "%s%%%s" % [address, interface["name"]]
	if found.is_empty():
		return skip("this machine has no link-local address")
	var end := endpoint("tcp", "*")
	end.host = found
	var peer: StreamPeer = family.tcp_peer()
	if not check_eq(quietly(func() -> int: return end.connect_peer(peer)), OK,
			"connect_to_host " + found):
		return
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "connect to " + found)
	check(peer.get_connected_host().begins_with("fe80:"), "host: " + peer.get_connected_host())
	peer.put_u8(1)
	check_eq(accept(end).get_u8(), 1, "a byte")


# Runs a process that connects to `names`, and returns the lines that it prints, split into words.
# Empty if it cannot be run.
func _connect_to(end: Endpoint, names: PackedStringArray) -> Array[PackedStringArray]:
	var lines: Array[PackedStringArray] = []
	var environment := {}
	if EngineProcess.available():
		environment = EngineProcess.resolver(fresh_path().get_base_dir())
	if environment.is_empty():
		skip("preloading a resolver needs Linux and a C compiler")
		return lines
	var arguments := PackedStringArray([family.name, str(end.port)])
	arguments.append_array(names)
	var result := EngineProcess.run("children/connect_to_names.gd", arguments, environment)
	for line: String in result["output"].split("\n"):
		if names.has(line.get_slice(" ", 0)):
			lines.append(line.split(" "))
	check_eq(lines.size(), names.size(), "a line for each name in: " + result["output"])
	return lines
