extends "res://tests/situations/situation.gd"
## Child processes, and what they inherit.


## A child that is started while sockets are open has none of them.
func children() -> void:
	for kind: String in ["tcp", "uds"]:
		var path := folder.path_join("child.sock")
		var server: RefCounted = family.server(kind)
		if kind == "tcp":
			server.call("listen", 0, "127.0.0.1")
		else:
			server.call("listen", path)
		var peer: StreamPeer = family.peer(kind)
		var call := peer.call.bind("connect_to_host", path) if kind == "uds" else peer.call.bind("connect_to_host", "127.0.0.1", server.call("get_local_port"))
		connects(peer, call)
		until(func() -> bool: return server.call("is_connection_available"))
		var accepted: StreamPeer = server.call("take_connection")
		var held := start("sleep", ["20"])
		OS.delay_msec(50)
		var output := []
		OS.execute("sh", ["-c", "ls -l /proc/%d/fd | grep -c socket:" % held], output)
		var leaked := str(output[0]).to_int()
		var case := "TCP" if kind == "tcp" else "a Unix socket"
		report(case, "" if leaked == 0 else "silent: %d sockets leak into the child" % leaked)
		accepted.call("disconnect_from_host")
		var ended := func() -> bool:
			peer.call("poll")
			return peer.call("get_status") != StreamPeerTCP.STATUS_CONNECTED
		report(case + ", the end of the stream", "" if until(ended) else "pending: the child keeps the connection open")
		server.call("stop")


## No thread can be started any more.
func no_threads() -> void:
	if OS.execute("prlimit", ["--pid", str(OS.get_process_id()), "--nproc=1"]) != 0:
		push_error("the limit cannot be set")
		return
	var exchange: Object = load("res://tests/situations/exchange.gd").new()
	exchange.set("family", family)
	exchange.set("folder", folder)
	exchange.call("everything")
