extends "res://tests/situations/situation.gd"
## Child processes and the descriptors that they inherit, and a process that cannot start threads.

static var _is_limited := false


## A child process does not inherit open sockets.
func children() -> void:
	for kind: String in ["tcp", "uds"]:
		var case := "TCP" if kind == "tcp" else "a Unix socket"
		if kind == "uds" and skips_unix([case, case + ", the end of the stream"]):
			continue
		var path := folder.path_join("child.sock")
		var server: RefCounted = family.server(kind)
		if kind == "tcp":
			server.call("listen", 0, "127.0.0.1")
		else:
			server.call("listen", path)
		var peer: StreamPeer = family.peer(kind)
		var call := (peer.call.bind("connect_to_host", path) if kind == "uds"
				else peer.call.bind("connect_to_host", "127.0.0.1", server.call("get_local_port")))
		connects(peer, call)
		until(func() -> bool: return server.call("is_connection_available"))
		var accepted: StreamPeer = server.call("take_connection")
		var held := start("sleep", ["20"])
		OS.delay_msec(50)
		var output := []
		OS.execute("sh", ["-c", "ls -l /proc/%d/fd | grep -c socket:" % held], output)
		var leaked := str(output[0]).to_int()
		report(case, "" if leaked == 0 else "silent: the child has %d of the sockets" % leaked)
		accepted.call("disconnect_from_host")
		var ended := func() -> bool:
			peer.call("poll")
			return peer.call("get_status") != StreamPeerTCP.STATUS_CONNECTED
		report(case + ", the end of the stream",
				"" if until(ended, 1.0) else "pending: the child keeps the connection open")
		server.call("stop")


## No further thread can be started. `printer` is in /etc/hosts.
func no_threads() -> void:
	# With the limit, the program that sets it cannot be started again.
	if (not _is_limited
			and OS.execute("prlimit", ["--pid", str(OS.get_process_id()), "--nproc=1"]) != 0):
		push_error("the limit cannot be set")
		return
	_is_limited = true
	var exchanges: Object = load("res://tests/situations/exchange.gd").new()
	exchanges.set("family", family)
	exchanges.set("folder", folder)
	for task: String in ["tcp", "by_name", "unix", "many", "relay"]:
		exchanges.call(task)
	var server := listening_tcp()
	for host: String in ["printer", "web.1"]:
		var peer: StreamPeer = family.tcp_peer()
		report(host,
				exchange(server, peer, peer.call.bind("connect_to_host", host, server.call("get_local_port"))))
	closed_with_a_queue("a close with bytes to send")


## The queued bytes of a peer arrive after it was disconnected.
func closed_with_a_queue(case: String) -> void:
	const COUNT := 8_000_000
	if not is_ours():
		return lacks(case, "has no queue")
	var peer: StreamPeer = family.tcp_peer()
	var receiver := accepted_peer(peer)
	var bytes := PackedByteArray()
	bytes.resize(COUNT)
	peer.set("write_buffer_limit", COUNT)
	peer.put_data(bytes)
	peer.call("disconnect_from_host")
	var arrived := receives(receiver, COUNT)
	report(case, "" if arrived == COUNT else "%d of %d bytes arrive" % [arrived, COUNT])
