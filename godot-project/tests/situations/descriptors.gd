extends "res://tests/situations/situation.gd"
## A process with few descriptors, some of which are open already. Arguments: the limit, and how
## many files to open.

var _files: Array[FileAccess] = []


func few() -> void:
	for index in arguments[1].to_int():
		_files.append(_open())
	clients("TCP clients of a peer that never closes", "tcp")
	clients("Unix socket clients of a peer that never closes", "uds")
	kicked()
	none_left()
	_files.clear()


## Connects, sends a line and disconnects, one peer after the other, more often than there are
## descriptors.
func clients(case: String, kind: String) -> void:
	if kind == "uds" and skips_unix([case, case + ", then a file", case + ", then a server"]):
		return
	var path := "" if kind == "tcp" else folder.path_join("deaf.sock")
	var server := deaf_server(path)
	var total := arguments[0].to_int() * 3 / 2
	var failed := 0
	var why := ""
	for index in total:
		var peer: StreamPeer = family.peer(kind)
		var call := (peer.call.bind("connect_to_host", path) if kind == "uds"
				else peer.call.bind("connect_to_host", "127.0.0.1", server.call("get_local_port")))
		var failure := connects(peer, call)
		if failure.is_empty():
			peer.put_data("hello\n".to_utf8_buffer())
		else:
			failed += 1
			why = failure
		peer.call("disconnect_from_host")
	report_share(case, failed, total, why)
	report(case + ", then a file", "" if _open() != null else "no descriptor is left for a file")
	var listener: RefCounted = family.tcp_server()
	var error: int = listener.call("listen", 0, "127.0.0.1")
	report(case + ", then a server", "" if error == OK else reason(listener, error))


## Clients that the server disconnects but that keep their end open, as many as there are
## descriptors; then one more that is served.
func kicked() -> void:
	const CASE := "refused clients that stay, then a good one"
	var server := listening_tcp()
	if server == null:
		return report(CASE, "listen fails")
	var port: int = server.call("get_local_port")
	var script := ("ulimit -n $(ulimit -Hn); for i in $(seq %d); do "
			+ "exec {fd}<>/dev/tcp/127.0.0.1/%d || exit; ((i %% 4)) || sleep 0.01; done; "
			+ "exec {fd}<>/dev/tcp/127.0.0.1/%d; echo good >&$fd; sleep 20")
	if start("bash", ["-c", script % [arguments[0].to_int(), port, port]]) < 0:
		return report(CASE, "the clients do not start")
	var state := {"kicked": 0, "good": false}
	var taken: Array[StreamPeer] = []
	var served := func() -> bool:
		if server.call("is_connection_available"):
			var peer: StreamPeer = server.call("take_connection")
			if peer != null:
				state["kicked"] += 1
				if state["kicked"] > arguments[0].to_int():
					taken.append(peer)
				else:
					peer.put_data("go away\n".to_utf8_buffer())
					peer.call("disconnect_from_host")
		for peer in taken:
			peer.call("poll")
			state["good"] = state["good"] or peer.get_available_bytes() > 0
		return state["good"]
	report(CASE,
			"" if until(served, 4.0)
			else "pending: %d of %d were accepted" % [state["kicked"], arguments[0].to_int() + 1])


## Without a free descriptor a server and a client report an error. With free descriptors they work
## again.
func none_left() -> void:
	var server := listening_tcp()
	if server == null:
		return report("no descriptor is left", "listen fails before")
	var port: int = server.call("get_local_port")
	var hoard: Array[FileAccess] = []
	while true:
		var file := _open()
		if file == null:
			break
		hoard.append(file)
	var peer: StreamPeer = family.tcp_peer()
	var failure := connects(peer, peer.call.bind("connect_to_host", "127.0.0.1", port))
	report("no descriptor is left", failure)
	hoard.clear()
	server = listening_tcp()
	if server == null:
		return report("descriptors are free again", "listen fails")
	port = server.call("get_local_port")
	peer = family.tcp_peer()
	report("descriptors are free again",
			exchange(server, peer, peer.call.bind("connect_to_host", "127.0.0.1", port)))


func _open() -> FileAccess:
	return FileAccess.open("res://project.godot", FileAccess.READ)
