extends RefCounted
## Base of every test file: checks, bounded waits, and fresh addresses.
##
## A test is a method whose name starts with `test_`. It fails when a check fails, when the engine
## prints an error it was not asked to keep quiet, or when it makes no check at all.

const Family := preload("res://tests/support/family.gd")
const Endpoint := preload("res://tests/support/endpoint.gd")
const Link := preload("res://tests/support/link.gd")
const System := preload("res://tests/support/system.gd")

# The engine's numbers, written out because a parity test can name the enum of neither family.
const STATUS_NONE := 0
const STATUS_CONNECTING := 1
const STATUS_CONNECTED := 2
const STATUS_ERROR := 3

const LOOPBACK := "127.0.0.1"

const NO_RESETS := "Wine does not tell a reset from an end"

## Generous, because a loaded machine must not fail a test; a passing test never waits this long.
const PATIENCE := 10.0

## Set where everything is to be printed after all, for somebody who looks at the output.
static var loud := false

## The family under test: the parity part runs once for each, the own part on ours.
var family: RefCounted
var checks := 0
var failures := PackedStringArray()
var skip_reason := ""

var _mutex := Mutex.new()
var _directory := ""
var _paths := 0
var _threads: Array[Thread] = []


func check(condition: bool, message: String) -> bool:
	# Tests check from threads too.
	_mutex.lock()
	checks += 1
	if not condition:
		failures.append(message)
	_mutex.unlock()
	return condition


func check_eq(actual: Variant, expected: Variant, message: String) -> bool:
	# Comparing some pairs of types is a script error, and 1 must not pass for 1.0.
	var same: bool = typeof(actual) == typeof(expected) and actual == expected
	return check(same, "%s: expected %s, got %s" % [message, _shown(expected), _shown(actual)])


func check_null(actual: Variant, message: String) -> bool:
	return check(actual == null, "%s: expected null, got %s" % [message, _shown(actual)])


## Ends the test as skipped; the caller returns right after.
func skip(reason: String) -> void:
	skip_reason = reason


## Whether the family has no Unix domain sockets here; the test is skipped then.
func lacks_uds() -> bool:
	skip_reason = family.lacks_uds()
	return not skip_reason.is_empty()


## Whether the system tells a reset from an end. Wine does not always: what it asks a socket for
## itself takes the error away, and the next receive finds an end. The test is skipped then.
func tells_resets() -> bool:
	if System.is_wine():
		skip(NO_RESETS)
	return not System.is_wine()


## Says in the report that the test does without a part of itself, and why.
func leave_out(why: String) -> void:
	family.leave_out(why)


## Whether there is something at `path`, also a socket: `FileAccess.file_exists` opens it, and
## listings leave sockets out, though not on Windows.
func exists(path: String) -> bool:
	if OS.has_feature("windows"):
		return DirAccess.get_files_at(path.get_base_dir()).has(path.get_file())
	return OS.execute("test", ["-e", path]) == 0


## Whether there is a socket at `path`; on Windows, whether there is something.
func is_socket(path: String) -> bool:
	return exists(path) if OS.has_feature("windows") else OS.execute("test", ["-S", path]) == 0


## Runs `body` without the errors it prints by contract. What it prints is tested in a process of
## its own, because the engine tells nobody about an error it does not print.
func quietly(body: Callable) -> Variant:
	mute(true)
	var result: Variant = body.call()
	mute(false)
	return result


## Stops the printing of errors until it is called with false.
func mute(muted: bool) -> void:
	Engine.print_error_messages = loud or not muted


## Waits on this thread until `condition` holds. A wait that runs out is a failure.
func spin_until(condition: Callable, what: String, seconds := PATIENCE) -> bool:
	var deadline := Time.get_ticks_usec() + int(seconds * 1e6)
	var held: bool = condition.call()
	while not held and Time.get_ticks_usec() < deadline:
		OS.delay_usec(200)
		held = condition.call()
	return check(held, "timed out waiting for " + what)


## The same for a test that needs the main loop to go on meanwhile.
func until(condition: Callable, what: String, seconds := PATIENCE) -> bool:
	var deadline := Time.get_ticks_usec() + int(seconds * 1e6)
	var held: bool = condition.call()
	while not held and Time.get_ticks_usec() < deadline:
		await (Engine.get_main_loop() as SceneTree).process_frame
		held = condition.call()
	return check(held, "timed out waiting for " + what)


## Starts `body` in a thread which is joined at the end of the test at the latest.
func in_thread(body: Callable) -> Thread:
	var thread := Thread.new()
	thread.start(body)
	_threads.append(thread)
	return thread


## A thread that waits in `get_data(count)` on the client, having one byte: it took that one, so it
## is inside.
func blocked_reader(pair: Link, count := 2) -> Thread:
	pair.served.put_u8(1)
	arrived(pair.client, 1)
	var reader := in_thread(func() -> Array: return pair.client.get_data(count))
	spin_until(func() -> bool: return pair.client.get_available_bytes() == 0,
			"the reader to take its first byte")
	return reader


## Waits for `thread` to end and gives back what it returned, or null when it does not end in time.
func join(thread: Thread, what: String) -> Variant:
	if not spin_until(func() -> bool: return not thread.is_alive(), what + " to end"):
		return null
	_threads.erase(thread)
	return thread.wait_to_finish()


## A path nothing exists at yet, short enough for a socket, in a directory that goes with the test.
func fresh_path(file_name := "") -> String:
	if _directory.is_empty():
		_directory = OS.get_temp_dir().path_join(System.unique_name())
		DirAccess.make_dir_recursive_absolute(_directory)
	_paths += 1
	return _directory.path_join(file_name if not file_name.is_empty() else "s%d" % _paths)


## An abstract name that nobody else uses: all processes of the network share these names.
func fresh_abstract_name() -> String:
	return "@" + System.unique_name()


## A listening server of `kind` on a fresh address.
func endpoint(kind: String, host := LOOPBACK, of_family: RefCounted = family) -> Endpoint:
	var made := Endpoint.new()
	var error := made.open(of_family, kind, fresh_path() if kind == "uds" else "", host)
	check_eq(error, OK, "%s: listen on a fresh address" % kind)
	return made


## The same with the shortest queue there is, for `fill`. Ours only.
func small_endpoint(kind: String) -> Endpoint:
	var made := Endpoint.new()
	made.server = family.server(kind)
	made.server.max_pending_connections = 0
	check_eq(made.open(family, kind, fresh_path() if kind == "uds" else ""), OK,
			kind + ": listen on a fresh address")
	return made


## Connects peers to `end`, which takes none, until one stays in STATUS_CONNECTING, which is the
## last one returned: the system drops every further attempt without a word as long as they live.
func fill(end: Endpoint) -> Array[StreamPeer]:
	var queue: Array[StreamPeer] = []
	while queue.size() < 5000:
		var peer := dial(end)
		queue.append(peer)
		poll_connect(peer, 0.3)
		if peer.get_status() == STATUS_CONNECTING:
			break
	check_eq(queue.back().get_status(), STATUS_CONNECTING, end.kind + ": the queue is full")
	return queue


## A new peer on its way to `to`.
func dial(to: Endpoint, of_family: RefCounted = family) -> StreamPeer:
	var peer: StreamPeer = of_family.peer(to.kind)
	check_eq(to.connect_peer(peer), OK, "%s: connect_to_host" % to.kind)
	return peer


## The next connection `from` has for us.
func accept(from: Endpoint) -> StreamPeer:
	spin_until(func() -> bool: return from.server.is_connection_available(),
			from.kind + ": a connection to take")
	return from.server.take_connection()


## Polls until `peer` has left STATUS_CONNECTING.
func settle(peer: StreamPeer) -> void:
	spin_until(func() -> bool: return peer.poll() != OK or peer.get_status() != STATUS_CONNECTING,
			"the connect to end")


## Polls `peer` after its connect. On loopback a connection that can be made is made within the
## call; on Windows it is made soon after it, so there this goes on polling for so many seconds.
func poll_connect(peer: StreamPeer, seconds := PATIENCE) -> void:
	var deadline := Time.get_ticks_usec() + int(seconds * 1e6)
	peer.poll()
	while (OS.has_feature("windows") and peer.get_status() == STATUS_CONNECTING
			and Time.get_ticks_usec() < deadline):
		OS.delay_usec(200)
		peer.poll()


## A connected pair of `kind`; `remote_family` makes the serving side.
func link(kind: String, host := LOOPBACK, remote_family: RefCounted = family) -> Link:
	var made := Link.new()
	made.endpoint = endpoint(kind, host, remote_family)
	made.client = dial(made.endpoint)
	made.served = accept(made.endpoint)
	settle(made.client)
	check_eq(made.client.get_status(), STATUS_CONNECTED, kind + ": the client is connected")
	return made


## Bounds what the system takes from the client and keeps for the serving side: left alone, it may
## take 32 MiB over TCP.
func bound_buffers(of: Link) -> void:
	of.client.set_send_buffer_size(1 << 18)
	of.served.set_receive_buffer_size(1 << 20)


## A connected pair whose other side resets the connection, or null if the kind cannot be tested
## here. What the client reads before, `unread` bytes, has arrived.
func reset_link(kind: String, unread: PackedByteArray = []) -> Link:
	# The engine's sockets reset when they close with input unread. Whether another kind does is not
	# ours to rely on.
	var engine := Family.engine()
	if not engine.kinds().has(kind):
		leave_out(engine.left_out)
		return null
	var made := link(kind, LOOPBACK, engine)
	made.client.put_u8(1)
	arrived(made.served, 1)
	if not unread.is_empty():
		made.served.put_data(unread)
	made.served.disconnect_from_host()
	return made


## Waits until at least `count` bytes can be read from `peer`.
func arrived(peer: StreamPeer, count: int) -> bool:
	return spin_until(func() -> bool: return peer.get_available_bytes() >= count,
			"%d bytes to arrive" % count)


## Polls until the status of `peer` is `status`.
func reaches(peer: StreamPeer, status: int, what: String) -> bool:
	return spin_until(func() -> bool:
		peer.poll()
		return peer.get_status() == status, what)


## Disconnects whatever is connected to the signals of `object`: a handler that holds the object
## holds it for ever.
func let_go(object: Object) -> void:
	for description: Dictionary in object.get_signal_list():
		for connection: Dictionary in object.get_signal_connection_list(description.name):
			object.disconnect(description.name, connection.callable)


## Joins what the test left running and removes its files. Returns the threads that would not end;
## dropping one would wait for it. The runner calls this; a test does not.
func clean_up() -> Array[Thread]:
	var stuck: Array[Thread] = []
	for thread in _threads:
		if thread.is_alive():
			failures.append("a thread was still running at the end of the test")
			stuck.append(thread)
		elif thread.is_started():
			thread.wait_to_finish()
	_threads.clear()
	if not _directory.is_empty():
		_remove(_directory)
	return stuck


func _remove(directory: String) -> void:
	for file in DirAccess.get_files_at(directory):
		DirAccess.remove_absolute(directory.path_join(file))
	for child in DirAccess.get_directories_at(directory):
		_remove(directory.path_join(child))
	# Directory listings leave sockets out, so this fails where a test left one behind.
	DirAccess.remove_absolute(directory)


func _shown(value: Variant) -> String:
	var text := var_to_str(value) if not value is Object else str(value)
	return text if text.length() <= 200 else text.left(200) + "..."


## Frees memory that is full of something, for a read that does not clear to hand out.
func dirty_the_heap() -> void:
	for size in [1, 8, 100, 5000]:
		for i in 50:
			var bytes := PackedByteArray()
			bytes.resize(size)
			bytes.fill(0xAA)
