extends "res://tests/support/test_case.gd"
## With `auto_poll`, the scene tree polls an object once per frame for as long as the object lives.

const EngineProcess := preload("res://tests/support/engine_process.gd")
const SignalLog := preload("res://tests/support/signal_log.gd")


func test_it_is_off_by_default() -> void:
	for kind: String in family.kinds():
		check_eq(family.peer(kind).auto_poll, false, kind + ": a peer")
		check_eq(family.server(kind).auto_poll, false, kind + ": a server")


func test_an_await_of_connect_finished_ends() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		peer.auto_poll = true
		check_eq(end.connect_peer(peer), OK, kind + ": connect_to_host")
		var error: Error = await peer.connect_finished
		check_eq(error, OK, kind + ": success")
		var queue := fill(end)
		peer.disconnect_from_host()
		await peer.disconnected
		peer.connect_timeout = 0.05
		end.connect_peer(peer)
		error = await peer.connect_finished
		check_eq(error, ERR_TIMEOUT, kind + ": timed out")
		peer.connect_timeout = 60.0
		end.connect_peer(peer)
		peer.disconnect_from_host()
		error = await peer.connect_finished
		check_eq(error, ERR_SKIP, kind + ": cancelled")
		check(not queue.is_empty(), "the backlog was full all the time")


func test_signals_are_emitted_without_a_call_of_poll() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		end.server.auto_poll = true
		var client: StreamPeer = family.peer(kind)
		client.auto_poll = true
		end.connect_peer(client)
		await end.server.connection_available
		var served: StreamPeer = end.server.take_connection()
		served.put_u8(5)
		await client.data_available
		check_eq(client.get_u8(), 5, kind + ": a byte")
		served.disconnect_from_host()
		var error: Error = await client.disconnected
		check_eq(error, ERR_FILE_EOF, kind + ": the end")


func test_polls_once_per_frame() -> void:
	var pair := link(family.local_kind())
	var seen := SignalLog.of(pair.client, ["data_available"])
	# Setting it twice has the same effect as once.
	pair.client.auto_poll = true
	pair.client.auto_poll = true
	check_eq(pair.client.auto_poll, true, "auto_poll")
	pair.served.put_u8(1)
	arrived(pair.client, 1)
	await _frame()
	var before: int = seen.entries.size()
	for i in 10:
		await _frame()
	check_eq(seen.entries.size() - before, 10, "signals in ten frames")
	pair.client.auto_poll = false
	check_eq(pair.client.auto_poll, false, "auto_poll")
	await _frame()
	before = seen.entries.size()
	for i in 10:
		await _frame()
	check_eq(seen.entries.size(), before, "signals when it is off")


# Without such a method the library polls the object without a call through Godot.
func test_a_scripts_own_poll_is_called() -> void:
	for script: GDScript in [PollingPeer, PollingServer, PollingPackets, PollingWebSocket,
			PollingGroup]:
		var object: RefCounted = script.new()
		object.auto_poll = true
		await _frame()
		await _frame()
		check_eq(object.polls > 0, true, "calls in two frames: " + object.get_class())


func test_a_script_can_begin_and_cease_to_replace_poll() -> void:
	var pair := link(family.local_kind())
	var seen := SignalLog.of(pair.client, ["data_available"])
	pair.client.auto_poll = true
	pair.served.put_u8(1)
	arrived(pair.client, 1)
	for script: GDScript in [null, Other, Replacing, Other, null]:
		pair.client.set_script(script)
		await _frame()
		seen.entries.clear()
		for i in 3:
			await _frame()
		check_eq(seen.entries.size(), 0 if script == Replacing else 3, "signals in three frames")
		if script == Replacing:
			check_eq(pair.client.get("polls") > 0, true, "calls of the script's own poll")


func test_polls_while_the_tree_is_paused() -> void:
	var pair := link(family.local_kind())
	var tree := Engine.get_main_loop() as SceneTree
	tree.paused = true
	pair.client.auto_poll = true
	pair.served.disconnect_from_host()
	await until(func() -> bool: return pair.client.get_status() == STATUS_NONE, "the end")
	tree.paused = false


func test_auto_poll_does_not_keep_the_object_alive() -> void:
	# The first object connects to the tree's signal on behalf of all.
	family.peer("tcp").auto_poll = true
	await _frame()
	var before := _connections()
	for kind: String in family.kinds():
		for make: Callable in [family.peer, family.server]:
			var object: RefCounted = make.call(kind)
			object.auto_poll = true
			var weak: WeakRef = weakref(object)
			await _frame()
			object = null
			check_null(weak.get_ref(), kind + ": the object")
			# An error that is printed in one of these frames would fail the test.
			for i in 3:
				await _frame()
	check_eq(_connections(), before, "connections of the tree's signal")


func test_freed_objects_leave_no_connection_to_the_trees_signal() -> void:
	# The first object connects to the tree's signal on behalf of all.
	family.peer("tcp").auto_poll = true
	var before := _connections()
	for i in 100:
		family.peer("tcp").auto_poll = true
		family.server("uds").auto_poll = true
	check_eq(_connections(), before, "connections of the tree's signal")


func test_can_be_set_on_another_thread() -> void:
	var pair := link(family.local_kind())
	join(in_thread(func() -> void: pair.client.auto_poll = true), "the thread")
	check_eq(pair.client.auto_poll, true, "auto_poll at once")
	var threads := []
	pair.client.data_available.connect(func() -> void: threads.append(OS.get_thread_caller_id()))
	pair.served.put_u8(1)
	await until(func() -> bool: return not threads.is_empty(), "a poll")
	check_eq(threads[0], OS.get_main_thread_id(), "the thread of the handler")
	join(in_thread(func() -> void: pair.client.auto_poll = false), "the thread")
	for i in 2:
		await _frame()
	threads.clear()
	for i in 5:
		await _frame()
	check_eq(threads, [], "polls when it is off")


func test_the_last_assignment_wins_across_threads() -> void:
	var pair := link(family.local_kind())
	var seen := SignalLog.of(pair.client, ["data_available"])
	pair.served.put_u8(1)
	arrived(pair.client, 1)
	# An assignment on another thread takes effect later, but it never overrides a newer one.
	join(in_thread(func() -> void: pair.client.auto_poll = true), "the thread")
	pair.client.auto_poll = false
	for i in 5:
		await _frame()
	check_eq(pair.client.auto_poll, false, "auto_poll")
	check_eq(seen.entries, [], "polls")


func test_an_object_can_be_freed_before_its_first_poll() -> void:
	var weak: Array[WeakRef] = []
	join(in_thread(func() -> void:
		for i in 50:
			var peer := StreamPeerUDSRs.new()
			peer.auto_poll = true
			weak.append(weakref(peer))), "the thread")
	# An error that is printed in one of these frames would fail the test.
	for i in 3:
		await _frame()
	check_eq(weak.size(), 50, "objects")
	check(weak.all(func(one: WeakRef) -> bool: return one.get_ref() == null), "they are freed")


func test_objects_can_be_freed_on_other_threads() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var result := EngineProcess.run("children/auto_poll_freed_on_threads.gd")
	check_eq(result["code"], 0, "exit code: " + result["output"].right(1500).left(300))
	check(result["output"].contains("polled"), "the script ran to its end")
	check(not result["output"].contains("ERROR"), "errors: " + result["output"].right(1500))


func _frame() -> void:
	await (Engine.get_main_loop() as SceneTree).process_frame


func _connections() -> int:
	return (Engine.get_main_loop() as SceneTree).process_frame.get_connections().size()


class Other extends StreamPeerSocketRs:
	var polls := 0


@warning_ignore_start("native_method_override")
class Replacing extends StreamPeerSocketRs:
	var polls := 0

	func poll() -> Error:
		polls += 1
		return OK


class PollingPeer extends StreamPeerTCPRs:
	var polls := 0

	func poll() -> Error:
		polls += 1
		return super()


class PollingServer extends TCPServerRs:
	var polls := 0

	func poll() -> Error:
		polls += 1
		return super()


class PollingPackets extends PacketPeerSocketRs:
	var polls := 0

	func poll() -> Error:
		polls += 1
		return super()


class PollingWebSocket extends WebSocketPeerRs:
	var polls := 0

	func poll() -> void:
		polls += 1
		super()


class PollingGroup extends StreamPeerSocketGroupRs:
	var polls := 0

	func poll(timeout_msec := 0) -> Array:
		polls += 1
		return super(timeout_msec)
