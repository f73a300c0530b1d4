extends "res://tests/situations/situation.gd"
## Nothing is polled for longer than every time limit, because of a long frame or a stopped process.
## Argument: `busy` or `stopped`.

## The time limits, and the time without a poll, in seconds.
const LIMIT := 1
const AWAY := 1.4
## More bytes than the system buffers for a connection.
const MUCH := 20_000_000

## The checks after the time without a poll.
var _after: Array[Callable] = []


func everything() -> void:
	ProjectSettings.set_setting("network/limits/tcp/connect_timeout_seconds", LIMIT)
	ProjectSettings.set_setting("network/limits/unix/connect_timeout_seconds", LIMIT)
	connect_to("connect to an address", "127.0.0.1", "127.0.0.1")
	connect_to("connect to localhost, IPv4 only", "localhost", "127.0.0.1")
	connect_to("connect to localhost, both", "localhost", "*")
	refused()
	unix()
	data_came()
	client_came()
	relayed()
	if arguments[0] == "stopped":
		closed_with_a_queue()
	away()
	for check in _after:
		check.call()
	_after.clear()
	if arguments[0] == "stopped":
		blocking_read()
		long_read()
		long_write()
		group_wait()


func connect_to(case: String, host: String, bound: String) -> void:
	var server := listening_tcp(bound)
	var peer := _limited_peer()
	var error: int = prompt(peer.call.bind("connect_to_host", host, server.call("get_local_port")))
	_after.append(
			func() -> void: report(case,
			settles(peer) if error == OK and server != null else reason(peer, error)))


## Nothing listens at the port: the error has to be a refusal.
func refused() -> void:
	var server := listening_tcp()
	var port: int = server.call("get_local_port")
	server.call("stop")
	var peer := _limited_peer()
	prompt(peer.call.bind("connect_to_host", "localhost", port))
	_after.append(func() -> void:
		var failure := settles(peer)
		report("nobody listens", "silent: %s, though it was refused" % failure
				if failure.contains("timed out") else failure))


func unix() -> void:
	if skips_unix(["connect to a Unix socket"]):
		return
	var path := folder.path_join("late.sock")
	var server: RefCounted = family.uds_server()
	server.call("listen", path)
	var peer: StreamPeer = family.uds_peer()
	prompt(peer.call.bind("connect_to_host", path))
	_after.append(func() -> void:
		report("connect to a Unix socket", settles(peer))
		server.call("stop"))


func data_came() -> void:
	var pair := _pair()
	var peer: StreamPeer = pair[0]
	if is_ours():
		peer.set("read_timeout", LIMIT)
	(pair[1] as StreamPeer).put_data("hello".to_utf8_buffer())
	(pair[1] as StreamPeer).call("disconnect_from_host")
	_after.append(func() -> void:
		var got := peer.get_data(5)
		report("data and an end came", "" if got[0] == OK else reason(peer, got[0])))


func client_came() -> void:
	var server := listening_tcp()
	var peer := _limited_peer()
	connects(peer, peer.call.bind("connect_to_host", "127.0.0.1", server.call("get_local_port")))
	peer.put_data("hello".to_utf8_buffer())
	_after.append(func() -> void:
		var accepted: StreamPeer = server.call("take_connection")
		var got: Array = accepted.get_data(5) if accepted != null else [FAILED]
		report("a client came", "" if got[0] == OK else "nothing to take")
		peer.call("disconnect_from_host"))


## A client of a relay whose target is a host name.
func relayed() -> void:
	if not is_ours():
		return lacks("a relay's client", "has no relay")
	var server := listening_tcp()
	var relay: Object = ClassDB.instantiate("SocketRelayRs")
	relay.call("set_target_host", "localhost", server.call("get_local_port"))
	relay.call("listen", 0, "127.0.0.1")
	var peer := _limited_peer()
	prompt(peer.call.bind("connect_to_host", "127.0.0.1", relay.call("get_local_port")))
	peer.call("poll")
	relay.call("poll")
	_after.append(func() -> void:
		var arrives := func() -> bool:
			peer.call("poll")
			relay.call("poll")
			return server.call("is_connection_available")
		report("a relay's client", "" if until(arrives) else "pending: nothing arrives at the target"))


## A peer is disconnected before all of its bytes are sent. The rest is sent after the process
## continues.
func closed_with_a_queue() -> void:
	const COUNT := 8_000_000
	if not is_ours():
		return lacks("a close with bytes to send", "has no queue")
	var pair := _pair()
	var peer: StreamPeer = pair[0]
	var receiver: StreamPeer = pair[1]
	peer.set("write_timeout", LIMIT)
	peer.set("write_buffer_limit", COUNT)
	var bytes := PackedByteArray()
	bytes.resize(COUNT)
	peer.put_data(bytes)
	peer.call("disconnect_from_host")
	_after.push_front(func() -> void:
		var arrived := receives(receiver, COUNT)
		report("a close with bytes to send",
				"" if arrived == COUNT else "%d of %d bytes arrive" % [arrived, COUNT]))


func _limited_peer() -> StreamPeer:
	var peer: StreamPeer = family.tcp_peer()
	if is_ours():
		peer.set("connect_timeout", LIMIT)
	return peer


## The process is stopped in a call that waits for data, and the data arrives meanwhile.
func blocking_read() -> void:
	var peer := _stopped_soon("echo hello >&3")
	if peer == null:
		return report("a blocking read", "no connection")
	if is_ours():
		peer.set("read_timeout", LIMIT)
	var got := peer.get_data(5)
	report("a blocking read", "" if got[0] == OK else reason(peer, got[0]))


## The same with more data than the system's buffers hold. The other end continues to send at once.
func long_read() -> void:
	var peer := _stopped_soon("head -c %d /dev/zero >&3 &" % MUCH)
	if peer == null:
		return report("a blocking read of 20 MB", "no connection")
	if is_ours():
		peer.set("read_timeout", LIMIT)
	var got := peer.get_data(MUCH)
	report("a blocking read of 20 MB", "" if got[0] == OK else reason(peer, got[0]))


## The process is stopped in a call that waits for the other end to read, which it does meanwhile.
func long_write() -> void:
	var peer := _stopped_soon("cat <&3 >/dev/null &")
	if peer == null:
		return report("a blocking write of 20 MB", "no connection")
	if is_ours():
		peer.set("write_timeout", LIMIT)
	var bytes := PackedByteArray()
	bytes.resize(MUCH)
	var error := peer.put_data(bytes)
	report("a blocking write of 20 MB", "" if error == OK else reason(peer, error))


func group_wait() -> void:
	if not is_ours():
		return lacks("a group's wait", "has no groups")
	var peer := _stopped_soon("echo hello >&3")
	if peer == null:
		return report("a group's wait", "no connection")
	var group: Object = ClassDB.instantiate("StreamPeerSocketGroupRs")
	group.call("add", peer)
	var members: Array = group.call("poll", LIMIT * 1000)
	report("a group's wait", "" if not members.is_empty() else "pending: the group names nobody")


## Lets the time without a poll pass.
func away() -> void:
	if arguments[0] == "busy":
		OS.delay_msec(int(AWAY * 1000))
		return
	var before := Time.get_ticks_msec()
	_stop_in(0.0)
	while Time.get_ticks_msec() - before < 10_000:
		var now := Time.get_ticks_msec()
		OS.delay_msec(5)
		if Time.get_ticks_msec() - now > AWAY * 500:
			return


# Stops this process, and continues it later.
func _stop_in(seconds: float) -> void:
	var script := "sleep %s; kill -STOP %d; sleep %s; kill -CONT %d"
	start("sh", ["-c", script % [seconds, OS.get_process_id(), AWAY, OS.get_process_id()]])


# A peer whose other end is a shell. The shell stops this process soon, runs `deed` with the socket
# as descriptor 3, and continues the process after the time.
func _stopped_soon(deed: String) -> StreamPeer:
	var server := listening_tcp()
	if server == null:
		return null
	var script := ("exec 3<>/dev/tcp/127.0.0.1/%d; sleep 0.3; kill -STOP %d\n%s\n"
			+ "sleep %s; kill -CONT %d; sleep 9")
	var own := OS.get_process_id()
	start("bash", ["-c", script % [server.call("get_local_port"), own, deed, AWAY, own]])
	if not until(func() -> bool: return server.call("is_connection_available")):
		return null
	return server.call("take_connection")


func _pair() -> Array:
	var peer: StreamPeer = family.tcp_peer()
	return [accepted_peer(peer), peer]
