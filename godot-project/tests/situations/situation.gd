extends RefCounted
## The base of all tasks: connects and exchanges with time limits, and the report of a case.

const Family := preload("res://tests/support/family.gd")

## The scores of cases, from best to worst. A case that works in part is between `FAILS` and
## `WORKS`.
const WORKS := 100
const FAILS := 30
const SILENT := 20
const FREEZES := 10

## A non-blocking call that takes longer has frozen the game. In seconds.
const FROZEN := 1.5
## The time limit of a connect or an exchange in seconds.
const PATIENCE := 3.0

var family: Family
var arguments: PackedStringArray
## A folder for sockets and files of this task only.
var folder := ""

var _longest := 0.0
var _tools: Array[int] = []


## Reports a case. `failure` is empty after a success. It begins with "pending" if no error was
## reported, and with "silent" if a wrong one was.
func report(case: String, failure: String, success := "works") -> void:
	var score := WORKS
	if failure.begins_with("pending") or failure.begins_with("silent"):
		score = SILENT
		failure = failure.trim_prefix("silent: ")
	elif not failure.is_empty():
		score = FAILS
	score_case(case, score, success if failure.is_empty() else failure)


## Reports how many of several attempts failed.
func report_share(case: String, failed: int, total: int, failure: String) -> void:
	if failed == 0:
		report(case, "", "works")
	elif failed == total:
		report(case, failure)
	else:
		var score := WORKS - 1 - (WORKS - FAILS - 2) * failed / total
		score_case(case, score, "%d of %d failed: %s" % [failed, total, failure])


func score_case(case: String, score: int, words: String) -> void:
	if _longest > FROZEN:
		score = FREEZES
		words = "frozen for %.0f s, then: %s" % [_longest, words]
	_longest = 0.0
	print("\t".join(PackedStringArray(["SITUATION", family.name, case, str(score),
			_same_in_every_run(words)])))


# The words without ports, folders and process ids, and without characters that end a table cell.
func _same_in_every_run(words: String) -> String:
	var ports := RegEx.create_from_string("(?<=[\\d\\]\\w*]):\\d{4,5}\\b")
	words = words.replace(folder + "/", "").replace(OS.get_environment("SITUATION_FOLDER") + "/", "")
	return ports.sub(words, "", true).replace("-%d" % OS.get_process_id(), "").replace("|", "/")


## Reports that the engine's class lacks the feature of the case.
func lacks(case: String, what: String) -> void:
	score_case(case, FAILS, what)


## Whether the family has no Unix sockets, like the engine before Godot 4.6. Then the cases are
## reported as lacking.
func skips_unix(cases: PackedStringArray) -> bool:
	if family.has("UDSServer"):
		return false
	for case in cases:
		lacks(case, "has no Unix sockets")
	return true


func is_ours() -> bool:
	return family.name == "ours"


## Makes a call that must not wait, and notes how long it took.
func prompt(call: Callable) -> Variant:
	var started := Time.get_ticks_usec()
	var result: Variant = call.call()
	_longest = maxf(_longest, (Time.get_ticks_usec() - started) / 1e6)
	return result


## Waits until `condition` holds. Returns false after a timeout.
func until(condition: Callable, seconds := PATIENCE) -> bool:
	var deadline := Time.get_ticks_msec() + int(seconds * 1000)
	while true:
		var holds: bool = prompt(condition)
		if holds or Time.get_ticks_msec() > deadline:
			return holds
		OS.delay_msec(1)
	return false


## Why `object` has failed: the error code, and the message of our classes.
func reason(object: Object, error: int) -> String:
	var words := error_string(error)
	if (object.has_method("get_last_error_message")
			and not str(object.call("get_last_error_message")).is_empty()):
		words += ": " + str(object.call("get_last_error_message"))
	return words


func listening_tcp(host := "127.0.0.1") -> RefCounted:
	var server: RefCounted = family.tcp_server()
	return server if server.call("listen", 0, host) == OK else null


## A server that never accepts: its connections stay open whatever their clients do.
func deaf_server(path := "") -> RefCounted:
	var server: RefCounted = Family.ours().server("tcp" if path.is_empty() else "uds")
	server.set("max_pending_connections", 4096)
	var error: int = (server.call("listen", 0, "127.0.0.1") if path.is_empty()
			else server.call("listen", path))
	return server if error == OK else null


## Connects, and waits for the outcome. Returns the failure, empty if connected.
func connects(peer: StreamPeer, call: Callable, seconds := PATIENCE) -> String:
	var error: int = prompt(call)
	if error != OK:
		return reason(peer, error)
	return settles(peer, seconds)


## Waits for the outcome of a connect. Returns the failure, empty if connected.
func settles(peer: StreamPeer, seconds := PATIENCE) -> String:
	var state := [OK]
	var settled := func() -> bool:
		state[0] = peer.call("poll")
		return peer.call("get_status") != StreamPeerTCP.STATUS_CONNECTING
	if not until(settled, seconds):
		return "pending for %.0f s" % seconds
	if peer.call("get_status") == StreamPeerTCP.STATUS_CONNECTED:
		return ""
	return reason(peer, state[0] if state[0] != OK else FAILED)


## Connects `peer` to a temporary server, and returns the server's end; null after a failure.
func accepted_peer(peer: StreamPeer) -> StreamPeer:
	var server := listening_tcp()
	if server == null:
		return null
	var failure := connects(peer,
			peer.call.bind("connect_to_host", "127.0.0.1", server.call("get_local_port")))
	if (not failure.is_empty()
			or not until(func() -> bool: return server.call("is_connection_available"))):
		return null
	return server.call("take_connection")


## Leaves a stale socket file at `path`, as a crash would. Returns whether that works.
func leave_file(path: String) -> bool:
	# By name, so that the script parses in an engine without the class.
	var maker := Family.engine() if Family.engine().has("UDSServer") else Family.ours()
	var server: RefCounted = maker.uds_server()
	if server.call("listen", path + ".old") != OK:
		return false
	var error := DirAccess.rename_absolute(path + ".old", path)
	server.call("stop")
	return error == OK and OS.execute("touch", ["-d", "1 minute ago", path]) == 0


## Connects to a server in this process, exchanges bytes in both directions, and closes. Returns the
## failure, empty if everything worked.
func exchange(server: RefCounted, peer: StreamPeer, call: Callable) -> String:
	var failure := connects(peer, call)
	if not failure.is_empty():
		return "connect: " + failure
	var comes := func() -> bool:
		return server.call("is_connection_available") or is_ours() and server.call("get_last_error") != OK
	if not until(comes) or not server.call("is_connection_available"):
		return silence(server, "no connection to take")
	var accepted: StreamPeer = prompt(func() -> Variant: return server.call("take_connection"))
	if accepted == null:
		return "accept: " + reason(server, FAILED)
	for ends: Array in [[peer, accepted], [accepted, peer]]:
		failure = _sends(ends[0], ends[1])
		if not failure.is_empty():
			return failure
	peer.call("disconnect_from_host")
	var ended := func() -> bool:
		accepted.call("poll")
		return accepted.call("get_status") == StreamPeerTCP.STATUS_NONE
	return "" if until(ended) else "pending: no end of the stream"


## What did not happen, and why, if the object has an error.
func silence(object: Object, what: String) -> String:
	if object.has_method("get_last_error") and object.call("get_last_error") != OK:
		return "%s: %s" % [what, reason(object, object.call("get_last_error"))]
	return "pending: " + what


func _sends(from: StreamPeer, to: StreamPeer) -> String:
	var bytes := PackedByteArray()
	bytes.resize(100_000)
	bytes.fill(7)
	var sent := 0
	var received := 0
	var deadline := Time.get_ticks_msec() + int(PATIENCE * 1000)
	while received < bytes.size():
		if sent < bytes.size():
			var put: Array = from.put_partial_data(bytes.slice(sent))
			if put[0] != OK:
				return "send: " + reason(from, put[0])
			sent += put[1]
		from.call("poll")
		to.call("poll")
		var available := to.get_available_bytes()
		if available > 0:
			var got := to.get_partial_data(available)
			if got[0] != OK:
				return "receive: " + reason(to, got[0])
			received += (got[1] as PackedByteArray).size()
		elif to.call("get_status") != StreamPeerTCP.STATUS_CONNECTED:
			return "receive: " + reason(to, FAILED)
		if Time.get_ticks_msec() > deadline:
			return "pending: %d of %d bytes" % [received, bytes.size()]
	return ""


## Returns how many of `count` bytes arrive before the end of the stream.
func receives(peer: StreamPeer, count: int) -> int:
	var state := [0]
	var received := func() -> bool:
		peer.call("poll")
		var available := peer.get_available_bytes()
		if available > 0:
			state[0] += (peer.get_data(available)[1] as PackedByteArray).size()
		return state[0] >= count or peer.call("get_status") != StreamPeerTCP.STATUS_CONNECTED
	until(received)
	return state[0]


## Starts a program that is ended with this task.
func start(program: String, program_arguments: PackedStringArray) -> int:
	var id := OS.create_process(program, program_arguments)
	if id > 0:
		_tools.append(id)
	return id


## Ends the programs that the task has started.
func clean_up() -> void:
	for id in _tools:
		if OS.is_process_running(id):
			OS.kill(id)
