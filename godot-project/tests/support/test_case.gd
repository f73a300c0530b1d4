extends RefCounted
## The base of every test file: checks, bounded waits, and fresh addresses.
##
## A test is a method whose name starts with `test_`. It fails when a check fails, when the engine
## prints an error outside of `quietly`, or when it makes no check at all.

const Family := preload("res://tests/support/family.gd")
const Endpoint := preload("res://tests/support/endpoint.gd")
const Link := preload("res://tests/support/link.gd")
const System := preload("res://tests/support/system.gd")

# The engine's numbers, written out because a parity test cannot name the enum of either family.
const STATUS_NONE := 0
const STATUS_CONNECTING := 1
const STATUS_CONNECTED := 2
const STATUS_ERROR := 3

const LOOPBACK := "127.0.0.1"

const NO_RESETS := "Wine does not distinguish a reset from an end"

## The time limit of each wait in seconds, more on a busy machine. A passing test never waits this
## long.
const PATIENCE := 10.0

## Prints errors even in `quietly`. Set by the runner's option `--loud`.
static var loud := false

## The family under test. Tests in `parity` run once for each family, those in `own` for ours only.
var family: RefCounted
var checks := 0
var failures := PackedStringArray()
var skip_reason := ""

var _mutex := Mutex.new()
var _directory := ""
var _paths := 0
var _threads: Array[Thread] = []


func check(condition: bool, message: String) -> bool:
	# Tests make checks on threads too.
	_mutex.lock()
	checks += 1
	if not condition:
		failures.append(message)
	_mutex.unlock()
	return condition


func check_eq(actual: Variant, expected: Variant, message: String) -> bool:
	# Comparing some pairs of types is a script error, and 1 must not equal 1.0.
	var same: bool = typeof(actual) == typeof(expected) and actual == expected
	return check(same, "%s: expected %s, got %s" % [message, _shown(expected), _shown(actual)])


func check_null(actual: Variant, message: String) -> bool:
	return check(actual == null, "%s: expected null, got %s" % [message, _shown(actual)])


## Marks the test as skipped. The caller has to return afterwards.
func skip(reason: String) -> void:
	skip_reason = reason


## Whether the family has no Unix domain sockets on this system. Then the test is skipped.
func lacks_uds() -> bool:
	skip_reason = family.lacks_uds()
	return not skip_reason.is_empty()


## Whether the system distinguishes a reset from an end; if not, the test is skipped. Wine does not
## always: its own queries of a socket clear the error, and the next receive finds an end.
func distinguishes_resets() -> bool:
	if System.is_wine():
		skip(NO_RESETS)
	return not System.is_wine()


## Reports that the test leaves out a part of itself, and why.
func leave_out(why: String) -> void:
	family.leave_out(why)


## Whether there is a file or a socket at `path`. `FileAccess.file_exists` would open it, and
## directory listings leave out sockets except on Windows.
func exists(path: String) -> bool:
	if OS.has_feature("windows"):
		return DirAccess.get_files_at(path.get_base_dir()).has(path.get_file())
	return OS.execute("test", ["-e", path]) == 0


## Whether there is a socket at `path`. On Windows: whether there is a file.
func is_socket(path: String) -> bool:
	return exists(path) if OS.has_feature("windows") else OS.execute("test", ["-S", path]) == 0


## Runs `body` without printing the errors that it causes by contract. These are tested in a child
## process, since the engine reports an error only by printing it.
func quietly(body: Callable) -> Variant:
	mute(true)
	var result: Variant = body.call()
	mute(false)
	return result


## Disables or enables the printing of errors.
func mute(muted: bool) -> void:
	Engine.print_error_messages = loud or not muted


## Waits on this thread until `condition` holds. A timeout is a failed check.
func spin_until(condition: Callable, what: String, seconds := PATIENCE) -> bool:
	var began := Time.get_ticks_msec()
	var held: bool = condition.call()
	while not held and not System.is_over(began, seconds * 1000.0):
		OS.delay_usec(200)
		held = condition.call()
	return check(held, "timed out waiting for " + what)


## The same for a test that needs the main loop to run meanwhile.
func until(condition: Callable, what: String, seconds := PATIENCE) -> bool:
	var began := Time.get_ticks_msec()
	var held: bool = condition.call()
	while not held and not System.is_over(began, seconds * 1000.0):
		await (Engine.get_main_loop() as SceneTree).process_frame
		held = condition.call()
	return check(held, "timed out waiting for " + what)


## Starts `body` on a thread that is joined at the end of the test at the latest.
func in_thread(body: Callable) -> Thread:
	var thread := Thread.new()
	thread.start(body)
	_threads.append(thread)
	return thread


## A thread that is blocked in `get_data(count)` on the client. It has taken one byte, which shows
## that it is inside the call.
func blocked_reader(pair: Link, count := 2) -> Thread:
	pair.served.put_u8(1)
	arrived(pair.client, 1)
	var reader := in_thread(func() -> Array: return pair.client.get_data(count))
	spin_until(func() -> bool: return pair.client.get_available_bytes() == 0,
			"the reader to take its first byte")
	return reader


## Waits for `thread` to end and returns its result, or null after a timeout.
func join(thread: Thread, what: String) -> Variant:
	if not spin_until(func() -> bool: return not thread.is_alive(), what + " to end"):
		return null
	_threads.erase(thread)
	return thread.wait_to_finish()


## A path where nothing exists yet, short enough for a socket, in a directory that is removed after
## the test.
func fresh_path(file_name := "") -> String:
	if _directory.is_empty():
		_directory = OS.get_temp_dir().path_join(System.unique_name())
		DirAccess.make_dir_recursive_absolute(_directory)
	_paths += 1
	return _directory.path_join(file_name if not file_name.is_empty() else "s%d" % _paths)


## A unique abstract name. All processes of a network namespace share these names.
func fresh_abstract_name() -> String:
	return "@" + System.unique_name()


## A listening server of `kind` on a fresh address.
func endpoint(kind: String, host := LOOPBACK, of_family: RefCounted = family) -> Endpoint:
	var made := Endpoint.new()
	var error := made.open(of_family, kind, fresh_path() if kind == "uds" else "", host)
	check_eq(error, OK, "%s: listen on a fresh address" % kind)
	return made


## The same with the shortest possible backlog, for `fill`. For our family only.
func small_endpoint(kind: String) -> Endpoint:
	var made := Endpoint.new()
	made.server = family.server(kind)
	made.server.max_pending_connections = 0
	check_eq(made.open(family, kind, fresh_path() if kind == "uds" else ""), OK,
			kind + ": listen on a fresh address")
	return made


## Connects peers to `end`, which accepts none, until one stays in STATUS_CONNECTING. That one is
## the last in the result. While these peers live, the system silently drops every further attempt.
func fill(end: Endpoint) -> Array[StreamPeer]:
	var queue: Array[StreamPeer] = []
	while queue.size() < 5000:
		var peer := dial(end)
		queue.append(peer)
		poll_connect(peer, 0.3)
		if peer.get_status() == STATUS_CONNECTING:
			break
	check_eq(queue.back().get_status(), STATUS_CONNECTING, end.kind + ": the backlog is full")
	return queue


## A new peer that connects to `to`.
func dial(to: Endpoint, of_family: RefCounted = family) -> StreamPeer:
	var peer: StreamPeer = of_family.peer(to.kind)
	check_eq(to.connect_peer(peer), OK, "%s: connect_to_host" % to.kind)
	return peer


## Accepts the next connection of `from`.
func accept(from: Endpoint) -> StreamPeer:
	spin_until(func() -> bool: return from.server.is_connection_available(),
			from.kind + ": a connection to take")
	return from.server.take_connection()


## Polls until `peer` has left STATUS_CONNECTING.
func settle(peer: StreamPeer) -> void:
	spin_until(func() -> bool: return peer.poll() != OK or peer.get_status() != STATUS_CONNECTING,
			"the connect to end")


## Polls `peer` after its connect. On loopback the connection is made within the call. On Windows it
## is made soon afterwards, so there this keeps polling for at most `seconds`.
func poll_connect(peer: StreamPeer, seconds := PATIENCE) -> void:
	var deadline := Time.get_ticks_usec() + int(seconds * 1e6)
	peer.poll()
	while (OS.has_feature("windows") and peer.get_status() == STATUS_CONNECTING
			and Time.get_ticks_usec() < deadline):
		OS.delay_usec(200)
		peer.poll()


## A connected pair of `kind`. The server and its end are of `remote_family`.
func link(kind: String, host := LOOPBACK, remote_family: RefCounted = family) -> Link:
	var made := Link.new()
	made.endpoint = endpoint(kind, host, remote_family)
	made.client = dial(made.endpoint)
	made.served = accept(made.endpoint)
	settle(made.client)
	check_eq(made.client.get_status(), STATUS_CONNECTED, kind + ": the client is connected")
	return made


## Limits the system's buffers between the client and the server's end. By default they may grow to
## 32 MiB over TCP.
func bound_buffers(of: Link) -> void:
	of.client.set_send_buffer_size(1 << 18)
	of.served.set_receive_buffer_size(1 << 20)


## A connected pair whose other side resets the connection, or null if the kind cannot be tested
## here. The bytes `unread` have arrived at the client before.
func reset_link(kind: String, unread: PackedByteArray = []) -> Link:
	# The engine's sockets reset the connection when they close with unread input; ours do not.
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


## Disconnects every handler from the signals of `object`. A handler that captures the object would
## keep it alive.
func let_go(object: Object) -> void:
	for description: Dictionary in object.get_signal_list():
		for connection: Dictionary in object.get_signal_connection_list(description.name):
			object.disconnect(description.name, connection.callable)


## The time limits in seconds of tests that may take longer than the runner's limit, by name.
func time_limits() -> Dictionary:
	return {}


## Joins the test's threads and removes its files. Returns the threads that have not ended, since
## freeing one would wait for it. Called by the runner only.
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
	# Directory listings leave out sockets, so this fails if a test has left one behind.
	DirAccess.remove_absolute(directory)


func _shown(value: Variant) -> String:
	var text := var_to_str(value) if not value is Object else str(value)
	return text if text.length() <= 200 else text.left(200) + "..."


## Frees memory that is not zero, so that a read that does not clear its buffer returns it.
func dirty_the_heap() -> void:
	for size in [1, 8, 100, 5000]:
		for i in 50:
			var bytes := PackedByteArray()
			bytes.resize(size)
			bytes.fill(0xAA)
