extends "res://tests/support/test_case.gd"
## Tests of scripts that extend our classes.


func test_a_subclass_adds_to_the_inherited_members() -> void:
	var end := endpoint("tcp")
	var peer := Named.new("first")
	check_eq(peer.label, "first", "_init has run")
	check(peer is StreamPeerTCPRs and peer is StreamPeerSocketRs, "is")
	check_eq(peer.get_class(), "StreamPeerTCPRs", "get_class")
	end.connect_peer(peer)
	settle(peer)
	check_eq(peer.get_status(), StreamPeerTCPRs.STATUS_CONNECTED, "status")
	peer.put_string("Hello")
	check_eq(accept(end).get_string(), "Hello", "a string")
	check_eq(peer.status_text(), "first: 2", "a method of the script")


func test_a_subclass_can_override_get_available_bytes() -> void:
	var end := endpoint("tcp")
	var peer := FixedAvailable.new()
	check_eq(peer.get_available_bytes(), 1234, "before connecting")
	end.connect_peer(peer)
	settle(peer)
	check_eq(peer.get_available_bytes(), 1234, "when connected")
	var served := accept(end)
	served.put_u8(5)
	check_eq(peer.get_u8(), 5, "methods that are not overridden still work")


func test_a_server_can_be_subclassed() -> void:
	var server := CountingServer.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var peer: StreamPeer = family.tcp_peer()
	peer.connect_to_host(LOOPBACK, server.get_local_port())
	spin_until(server.is_connection_available, "a connection")
	check(server.take_counted() is StreamPeerTCPRs, "the peer")
	check_eq(server.taken, 1, "the script's own field")


func test_a_subclass_works_on_another_thread() -> void:
	var end := endpoint("tcp")
	var thread := in_thread(func() -> String:
		var peer := Named.new("there")
		end.connect_peer(peer)
		settle(peer)
		return peer.status_text())
	check_eq(join(thread, "the thread"), "there: 2", "a scripted peer made and used on a thread")


func test_subclasses_get_the_notifications_that_engine_subclasses_get() -> void:
	var ours: Array[int] = []
	_live_and_die(Notified, ours)
	var others: Array[int] = []
	_live_and_die(NotifiedBuffer, others)
	check_eq(ours, others, "notifications")
	check(ours.has(4711) and ours.has(NOTIFICATION_PREDELETE), "the notifications: %s" % [ours])


# A function of its own, because a caller may keep the object in a temporary until it returns.
func _live_and_die(script: GDScript, seen: Array[int]) -> void:
	var object: Object = script.new(seen)
	object.notification(4711)


func test_auto_poll_can_be_set_while_an_object_is_freed() -> void:
	var tree := Engine.get_main_loop() as SceneTree
	# The first object connects to the tree's signal on behalf of all.
	family.peer("tcp").auto_poll = true
	var before: int = tree.process_frame.get_connections().size()
	for script: GDScript in [DyingPeer, DyingServer]:
		for wanted in [true, false]:
			var seen := []
			script.new(seen, wanted)
			check_eq(seen, [wanted], "the setter has returned")
	var seen := []
	join(in_thread(func() -> void:
		for i in 20:
			DyingPeer.new(seen, true)), "the thread")
	check_eq(seen.size(), 20, "on a thread")
	await tree.process_frame
	check_eq(tree.process_frame.get_connections().size(), before, "connections of the tree")


func test_a_script_can_be_attached_and_detached() -> void:
	var peer := StreamPeerTCPRs.new()
	peer.set_script(FixedAvailable)
	check_eq(peer.get_available_bytes(), 1234, "an override of the attached script")
	check_eq(peer.get_status(), STATUS_NONE, "status")
	peer.set_script(null)
	check_eq(peer.get_available_bytes(), -1, "without the script again")


class Named extends StreamPeerTCPRs:
	var label: String

	func _init(with_label: String) -> void:
		label = with_label

	func status_text() -> String:
		return "%s: %d" % [label, get_status()]


class FixedAvailable extends StreamPeerTCPRs:
	func _get_available_bytes() -> int:
		return 1234


class CountingServer extends TCPServerRs:
	var taken := 0

	func take_counted() -> StreamPeerTCPRs:
		taken += 1
		return take_connection()


class Notified extends StreamPeerTCPRs:
	var _seen: Array[int]

	func _init(seen: Array[int]) -> void:
		_seen = seen

	func _notification(what: int) -> void:
		_seen.append(what)


class NotifiedBuffer extends StreamPeerBuffer:
	var _seen: Array[int]

	func _init(seen: Array[int]) -> void:
		_seen = seen

	func _notification(what: int) -> void:
		_seen.append(what)


class DyingPeer extends StreamPeerTCPRs:
	var _seen: Array
	var _wanted: bool

	func _init(seen: Array, wanted: bool) -> void:
		_seen = seen
		_wanted = wanted

	func _notification(what: int) -> void:
		if what == NOTIFICATION_PREDELETE:
			auto_poll = _wanted
			_seen.append(_wanted)


class DyingServer extends UDSServerRs:
	var _seen: Array
	var _wanted: bool

	func _init(seen: Array, wanted: bool) -> void:
		_seen = seen
		_wanted = wanted

	func _notification(what: int) -> void:
		if what == NOTIFICATION_PREDELETE:
			auto_poll = _wanted
			_seen.append(_wanted)
