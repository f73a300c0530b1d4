extends "res://tests/situations/situation.gd"
## The ways in which a game uses sockets: one case for each feature of the system.


## All cases.
func everything() -> void:
	tcp()
	by_name()
	blocking()
	unix()
	left_file()
	mode()
	abstract_name()
	many()
	relay()


func tcp() -> void:
	var server: RefCounted = family.tcp_server()
	var error: int = server.call("listen", 0, "127.0.0.1")
	if error != OK:
		return report("TCP", "listen: " + reason(server, error))
	var peer: StreamPeer = family.tcp_peer()
	var port: int = server.call("get_local_port")
	report("TCP", exchange(server, peer, peer.call.bind("connect_to_host", "127.0.0.1", port)))


func by_name() -> void:
	var server: RefCounted = family.tcp_server()
	var error: int = server.call("listen", 0)
	if error != OK:
		return report("a name", "listen: " + reason(server, error))
	var peer: StreamPeer = family.tcp_peer()
	var port: int = server.call("get_local_port")
	report("a name", exchange(server, peer, peer.call.bind("connect_to_host", "localhost", port)))


## A call waits for data that a thread sends later.
func blocking() -> void:
	var peer: StreamPeer = family.tcp_peer()
	var accepted := accepted_peer(peer)
	if accepted == null:
		return report("a blocking read", "no connection")
	var thread := Thread.new()
	var error := thread.start(func() -> void:
		OS.delay_msec(100)
		accepted.put_data("hello".to_utf8_buffer()))
	if error != OK:
		return report("a blocking read", "", "no thread to test with")
	var got := peer.get_data(5)
	thread.wait_to_finish()
	report("a blocking read", "" if got[0] == OK else reason(peer, got[0]))


func unix() -> void:
	if skips_unix(["a Unix socket"]):
		return
	var path := folder.path_join("exchange.sock")
	report("a Unix socket", _unix_exchange(path, family.uds_server()))
	DirAccess.remove_absolute(path)


func _unix_exchange(path: String, server: RefCounted) -> String:
	var error: int = prompt(server.call.bind("listen", path))
	if error != OK:
		return "listen: " + reason(server, error)
	var peer: StreamPeer = family.uds_peer()
	var failure := exchange(server, peer, peer.call.bind("connect_to_host", path))
	server.call("stop")
	return failure


## A stale socket file is replaced.
func left_file() -> void:
	if skips_unix(["a file left behind"]):
		return
	var path := folder.path_join("left.sock")
	if not leave_file(path):
		return report("a file left behind", "", "no file can be left")
	report("a file left behind", _unix_exchange(path, family.uds_server()))
	DirAccess.remove_absolute(path)


func mode() -> void:
	if not is_ours():
		return lacks("a Unix socket with a mode", "has no modes")
	var path := folder.path_join("mode.sock")
	var server: RefCounted = family.uds_server()
	server.set("socket_mode", 384)
	report("a Unix socket with a mode", _unix_exchange(path, server))
	DirAccess.remove_absolute(path)


func abstract_name() -> void:
	if not is_ours():
		return lacks("an abstract name", "has no abstract names")
	report("an abstract name", _unix_exchange("@" + folder.path_join("abstract"), family.uds_server()))


## Several clients that send at once. For our family a group serves them.
func many() -> void:
	const COUNT := 8
	var server: RefCounted = listening_tcp()
	if server == null:
		return report("several peers", "listen fails")
	var group: Object = ClassDB.instantiate("StreamPeerSocketGroupRs") if is_ours() else null
	var clients: Array[StreamPeer] = []
	var served: Array[StreamPeer] = []
	for index in COUNT:
		var peer: StreamPeer = family.tcp_peer()
		var failure := connects(peer,
				peer.call.bind("connect_to_host", "127.0.0.1", server.call("get_local_port")))
		if not failure.is_empty():
			return report("several peers", "connect: " + failure)
		clients.append(peer)
		if not until(func() -> bool: return server.call("is_connection_available")):
			return report("several peers", "no connection to take")
		var accepted: StreamPeer = server.call("take_connection")
		served.append(accepted)
		if group != null and group.call("add", accepted) != OK:
			return report("several peers", "the group takes no member: " + reason(accepted, FAILED))
	for peer in clients:
		peer.put_u32(1)
	var received := {}
	var all_received := func() -> bool:
		var ready: Array = served
		if group != null:
			ready = group.call("poll", 100)
		for peer: StreamPeer in ready:
			peer.call("poll")
			if peer.get_available_bytes() >= 4:
				received[peer] = peer.get_u32()
		return received.size() == COUNT
	report("several peers",
			"" if until(all_received) else "pending: received %d of %d" % [received.size(), COUNT])


func relay() -> void:
	if not is_ours():
		return lacks("a relay", "has no relay")
	var server: RefCounted = listening_tcp()
	if server == null:
		return report("a relay", "listen fails")
	var between: Object = ClassDB.instantiate("SocketRelayRs")
	if between.call("set_target_host", "localhost", server.call("get_local_port")) != OK:
		return report("a relay", "target: " + reason(between, FAILED))
	var error: int = between.call("listen", 0, "127.0.0.1")
	if error != OK:
		return report("a relay", "listen: " + reason(between, error))
	between.set("auto_poll", false)
	var peer: StreamPeer = family.tcp_peer()
	var failure := connects(peer,
			peer.call.bind("connect_to_host", "127.0.0.1", between.call("get_local_port")))
	if failure.is_empty():
		peer.put_u32(9)
		var arrives := func() -> bool:
			between.call("poll")
			return server.call("is_connection_available")
		failure = "" if until(arrives) else silence(between, "nothing arrives")
	report("a relay", failure)
