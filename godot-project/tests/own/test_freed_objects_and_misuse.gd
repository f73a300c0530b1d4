extends "res://tests/support/test_case.gd"
## Objects that are freed during a call, and misuse that is refused.

const AddonClasses := preload("res://tests/support/addon_classes.gd")
const EngineProcess := preload("res://tests/support/engine_process.gd")


func test_objects_can_be_freed_while_threads_are_inside_a_call() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	for method in ["get_data", "put_data", "flush", "put_packet", "put_text"]:
		var result := EngineProcess.run("children/freed_in_a_call.gd", [method])
		check_eq(result["code"], 0, method + ": exit code: " + result["output"].right(1500).left(300))
		check(result["output"].contains("survived"), method + ": the script ran to its end")


func test_objects_can_be_freed_by_script_code_that_their_calls_run() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var result := EngineProcess.run("children/freed_by_a_nested_call.gd")
	check_eq(result["code"], 0, "exit code: " + result["output"].right(1500))
	check(result["output"].contains("survived") and not result["output"].contains("FAILED")
			and not result["output"].contains("ERROR"), "the script ran to its end: "
			+ result["output"].right(1500))


func test_every_method_can_be_called_while_its_object_is_freed() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var result := EngineProcess.run("children/every_method_while_freed.gd")
	check_eq(result["code"], 0, "exit code: " + result["output"].right(1500))
	var names := AddonClasses.all()
	check(names.size() > 10, "the classes: %s" % [names])
	for name in names:
		check(result["output"].contains("\n" + name + ": over\n"), "all methods of " + name + ": "
				+ result["output"].right(3000))
	for words: String in ["panic", "SCRIPT ERROR", "init_ref", "cannot be extended"]:
		check(not result["output"].contains(words), words + ": " + result["output"].right(3000))


func test_calls_of_other_objects_can_be_nested_on_many_threads() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var result := EngineProcess.run("children/nested_calls_on_threads.gd", [], {}, 4096)
	check_eq(result["code"], 0, "exit code: " + result["output"].right(1500))
	check(result["output"].contains("\nfaults 0\n") and not result["output"].contains("ERROR"),
			"every answer is right: " + result["output"].right(1500))


func test_two_threads_can_make_the_first_calls_at_once() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var result := EngineProcess.run("children/first_calls.gd", [], {}, 4096)
	check_eq(result["code"], 0, "exit code: " + result["output"].right(1500).left(300))
	check(result["output"].contains("survived"), "the script ran to its end")


# In this and the next two tests a poll must not print an error, which would fail them.
func test_a_peer_can_be_polled_while_it_is_freed() -> void:
	var pair := link("tcp")
	var peer := DyingPeer.new()
	peer.status_changed.connect(_ignore)
	pair.endpoint.connect_peer(peer)
	settle(peer)
	var weak: WeakRef = weakref(peer)
	peer = null
	check_null(weak.get_ref(), "the object")


func test_a_server_can_be_polled_while_it_is_freed() -> void:
	var server := DyingServer.new()
	server.connection_available.connect(_ignore)
	server.listen(0, LOOPBACK)
	var client: StreamPeerTCPRs = family.tcp_peer()
	client.connect_to_host(LOOPBACK, server.get_local_port())
	settle(client)
	var weak: WeakRef = weakref(server)
	server = null
	check_null(weak.get_ref(), "the object")


func test_auto_poll_can_be_set_while_a_peer_is_freed() -> void:
	var pair := link("tcp")
	var peer := DyingPeer.new()
	peer.sets_auto_poll = true
	peer.status_changed.connect(_ignore)
	pair.endpoint.connect_peer(peer)
	settle(peer)
	var weak: WeakRef = weakref(peer)
	peer = null
	check_null(weak.get_ref(), "the object")


func test_an_invalid_socket_mode_is_not_accepted_silently() -> void:
	for mode: int in [1 << 40, 1 << 32, 99999999]:
		var server: UDSServerRs = family.uds_server()
		quietly(func() -> void: server.socket_mode = mode)
		var error: int = quietly(func() -> int: return server.listen(fresh_path("s")))
		check(error != OK or server.get_last_error() != OK or server.socket_mode != mode,
				"socket_mode %d: accepted without an error" % mode)


func test_taking_a_client_clears_the_servers_last_error() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var output: String = EngineProcess.run("children/accept_after_failure.gd", [], {}, 64)["output"]
	check(output.contains("taken: false, error: true"), "without a descriptor: " + output)
	check(output.contains("taken: true, error: false"),
			"no error after a client was taken: " + output)


# A script would end with an error without words, or with words of the bindings.
func test_wrong_arguments_are_reported_as_the_engine_reports_them() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var output: String = EngineProcess.run("children/wrong_arguments.gd")["output"]
	for words: String in [
		"'StreamPeerTCPRs::set_read_timeout': Method expected 1 argument(s), but called with 0.",
		"'StreamPeerTCPRs::set_read_timeout': Method expected 1 argument(s), but called with 2.",
		"'StreamPeerTCPRs::set_read_timeout': Cannot convert argument 1 from String to float.",
		"'PacketPeerSocketRs::put_text': Cannot convert argument 1 from Nil to String.",
		"'PacketPeerSocketRs::encode_json': Method expected 1 argument(s), but called with 0.",
		"'PacketPeerSocketRs::decode_json': Method expected 2 argument(s), but called with 3.",
		"'StreamPeerSocketGroupRs::broadcast': Method expected 3 argument(s), but called with 4.",
		"'StreamPeerSocketGroupRs::set_max_members': Cannot convert argument 1 from String to int.",
		"'StreamPeerSocketGroupRs::accept_from': Cannot convert argument 1 from Object to Object.",
		"converted: 3.0 5 true",
	]:
		check(output.contains(words), "%s: %s" % [words, output.right(3000)])


static func _ignore(_argument: Variant = null) -> void:
	pass


class DyingPeer extends StreamPeerTCPRs:
	var sets_auto_poll := false

	func _notification(what: int) -> void:
		if what == NOTIFICATION_PREDELETE:
			super.disconnect_from_host()
			super.poll()
			if sets_auto_poll:
				super.set_auto_poll(true)


class DyingServer extends TCPServerRs:
	func _notification(what: int) -> void:
		if what == NOTIFICATION_PREDELETE:
			super.poll()
