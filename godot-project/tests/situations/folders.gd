extends "res://tests/situations/situation.gd"
## Sockets in the folder that the argument names, below the folder for sockets. `left.sock` may
## exist in it.


func listen() -> void:
	var place := OS.get_environment("SITUATION_FOLDER").path_join(arguments[0])
	folder = place
	for file: String in ["new.sock", "left.sock"]:
		var path := place.path_join(file)
		if file == "left.sock" and not _is_there(path):
			leave_file(path)
		var case := "a new socket" if file == "new.sock" else "a file left behind"
		if skips_unix([case]):
			continue
		var server: RefCounted = family.uds_server()
		var error: int = prompt(server.call.bind("listen", path))
		if error != OK:
			report(case, "listen: " + reason(server, error))
			continue
		var peer: StreamPeer = family.uds_peer()
		var failure := exchange(server, peer, peer.call.bind("connect_to_host", path))
		server.call("stop")
		report(case, "silent: the file stays" if failure.is_empty() and _is_there(path) else failure)
		DirAccess.remove_absolute(path)
	if skips_unix(["a bound peer"]):
		return
	var bound: StreamPeer = family.uds_peer()
	var bind_error: int = prompt(bound.call.bind("bind", place.path_join("bound.sock")))
	report("a bound peer", "" if bind_error == OK else reason(bound, bind_error))
	bound.call("disconnect_from_host")
	DirAccess.remove_absolute(place.path_join("bound.sock"))


## Connects to an existing socket of another process.
func connect_to() -> void:
	if skips_unix(["connect"]):
		return
	var peer: StreamPeer = family.uds_peer()
	var path := OS.get_environment("SITUATION_FOLDER").path_join(arguments[0])
	report("connect", connects(peer, peer.call.bind("connect_to_host", path)))


func _is_there(path: String) -> bool:
	return OS.execute("test", ["-S", path]) == 0
