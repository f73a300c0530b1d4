extends "res://tests/support/test_case.gd"
## Tests of what the demo prints without a window, and of its exit codes.

const EngineProcess := preload("res://tests/support/engine_process.gd")
const DEMO := "children/demo.gd"


func test_the_exchanges_arrive_intact_and_end_with_0() -> void:
	if not _can_start():
		return
	var result := EngineProcess.run(DEMO)
	check_eq(result["code"], 0, "exit code: " + result["output"])
	for kind: String in ["TCP", "UDS"]:
		check(result["output"].contains(kind + " everything arrived intact"),
				"%s in: %s" % [kind, result["output"]])
	for word: String in ["ERROR", "WARNING", "leaked", "Orphan"]:
		check(not result["output"].contains(word), "no '%s' in: %s" % [word, result["output"]])


# A frame budget that is used up at once must not end an exchange early.
func test_the_exchanges_arrive_intact_in_the_shortest_frames() -> void:
	if not _can_start():
		return
	var result := EngineProcess.run(DEMO, [], {"FRAME_BUDGET_USEC": "1"})
	check_eq(result["code"], 0, "exit code: " + result["output"])


func test_an_answered_request_ends_with_0() -> void:
	if not _can_start():
		return
	for kind in family.kinds():
		var end := endpoint(kind)
		var asking := _asking(_place(end) + PackedStringArray(["Grüße"]))
		var served := accept(end)
		var question := "Grüße\r\n".to_utf8_buffer()
		arrived(served, question.size())
		check_eq(served.receive(), question, kind + ": the request")
		served.put_data("one\r\ntwo\u0001\n".to_utf8_buffer())
		served.disconnect_from_host()
		var result: Dictionary = join(asking, "the demo")
		check_eq(result["code"], 0, "%s: exit code: %s" % [kind, result["output"]])
		for line: String in ["< one", "< (hex) 74776f01"]:
			check(result["output"].contains(line), "'%s' in: %s" % [line, result["output"]])


func test_an_unanswered_request_ends_with_1_and_the_reason() -> void:
	if not _can_start():
		return
	for kind in family.kinds():
		var end := endpoint(kind)
		end.stop()
		var result := EngineProcess.run(DEMO, _place(end))
		check_eq(result["code"], 1, "%s: exit code: %s" % [kind, result["output"]])
		check(result["output"].contains("\n" + _words_of_failure(end)),
				"the reason in: " + result["output"])


func test_invalid_arguments_end_with_2_and_the_usage() -> void:
	if not _can_start():
		return
	for arguments: PackedStringArray in [["tcp"], ["tcp", "localhost", "port"], ["uds", ""],
			["udp", "localhost", "1"]]:
		var result := EngineProcess.run(DEMO, arguments)
		check_eq(result["code"], 2, "%s: exit code" % " ".join(arguments))
		check(result["output"].contains("Arguments, after"), "usage in: " + result["output"])


func _can_start() -> bool:
	if not EngineProcess.available():
		skip("starting another engine is known for Linux only")
	return skip_reason.is_empty()


# Runs the demo on a thread, since running a process blocks.
func _asking(arguments: PackedStringArray) -> Thread:
	return in_thread(func() -> Dictionary: return EngineProcess.run(DEMO, arguments))


func _place(end: Endpoint) -> PackedStringArray:
	return ["tcp", end.host, str(end.port)] if end.kind == "tcp" else ["uds", end.path]


# The library's own error message for the same failed connect.
func _words_of_failure(end: Endpoint) -> String:
	var peer: StreamPeer = family.peer(end.kind)
	quietly(func() -> void: end.connect_peer(peer))
	poll_connect(peer)
	check(not peer.get_last_error_message().is_empty(), end.kind + ": a reason")
	return peer.get_last_error_message()
