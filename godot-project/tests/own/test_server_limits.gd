extends "res://tests/support/test_case.gd"
## The length of a server's backlog, and servers in a process without free descriptors.

const EngineProcess := preload("res://tests/support/engine_process.gd")


func test_a_hundred_clients_fit_the_default_backlog() -> void:
	for kind: String in family.kinds():
		check_eq(family.server(kind).max_pending_connections, 128, kind + ": max_pending_connections")
		var end := endpoint(kind)
		var clients: Array[StreamPeer] = []
		for i in 100:
			var client := dial(end)
			poll_connect(client)
			check_eq(client.get_status(), STATUS_CONNECTED, "%s: client %d" % [kind, i])
			clients.append(client)


func test_max_pending_connections_shortens_the_backlog() -> void:
	for kind: String in family.kinds():
		for length in [0, 3]:
			var end := Endpoint.new()
			end.server = family.server(kind)
			end.server.max_pending_connections = length
			check_eq(end.server.max_pending_connections, length, kind + ": max_pending_connections")
			check_eq(end.open(family, kind, fresh_path() if kind == "uds" else ""), OK, kind + ": listen")
			# The system accepts one client more than requested, and over TCP some connects finish
			# although the backlog is full.
			var queue := fill(end)
			check(queue.size() <= length + 3, "%s: %d clients for %d places" % [kind, queue.size(), length])


func test_any_value_of_max_pending_connections_can_listen() -> void:
	for kind: String in family.kinds():
		for length: int in [0, 1 << 20, 1 << 40]:
			var end := Endpoint.new()
			end.server = family.server(kind)
			end.server.max_pending_connections = length
			check_eq(end.open(family, kind, fresh_path() if kind == "uds" else ""), OK,
					"%s: listen with %d" % [kind, length])
			var client := dial(end)
			settle(client)
			check_eq(client.get_status(), STATUS_CONNECTED, "%s: status with %d" % [kind, length])


func test_a_server_without_free_descriptors_reports_and_recovers() -> void:
	if not EngineProcess.available() or OS.execute("prlimit", ["--version"]) != 0:
		return skip("starting an engine with few descriptors needs Linux and prlimit")
	for kind: String in family.kinds():
		var arguments := PackedStringArray([kind, fresh_path()])
		var result := EngineProcess.run("children/no_descriptors.gd", arguments, {}, 64)
		check_eq(result["code"], 0, kind + ": exit code: " + result["output"])
		for line: String in ["available false", "taken 0",
				": too many open files, error %d, system 24" % ERR_CANT_CREATE,
				"poll %d" % ERR_CANT_CREATE, "connect %d, status 0, too many open files" % FAILED,
				"listen %d, too many open files" % ERR_CANT_CREATE, "still listening true",
				"later: available true, byte 5, more false"]:
			check(result["output"].contains(line + "\n"), "%s: '%s' in: %s" % [kind, line, result["output"]])
		var address: String = arguments[1] + ": too many" if kind == "uds" else "127.0.0.1:"
		check(result["output"].contains("accept on " + address), kind + ": " + result["output"])


func test_a_group_without_free_descriptors_recovers() -> void:
	if not EngineProcess.available() or OS.execute("prlimit", ["--version"]) != 0:
		return skip("starting an engine with few descriptors needs Linux and prlimit")
	for kind: String in family.kinds():
		var arguments := PackedStringArray([kind, fresh_path()])
		var result := EngineProcess.run("children/group_without_descriptors.gd", arguments, {}, 64)
		check_eq(result["code"], 0, kind + ": exit code: " + result["output"])
		for line: String in ["not all are accepted true", "later 5"]:
			check(result["output"].contains(line + "\n"), "%s: '%s' in: %s" % [kind, line, result["output"]])
