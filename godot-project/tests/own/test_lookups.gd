extends "res://tests/support/test_case.gd"
## Lookups of host names: how they end, and that quitting and unloading do not wait for one that
## hangs.

const EngineProcess := preload("res://tests/support/engine_process.gd")

## The most extra time to quit, on a busy machine too. Waiting for the resolver would take a minute.
const TOO_LONG_MSEC := 20_000


func test_lookups_succeed_fail_time_out_and_can_be_cancelled() -> void:
	var environment := _resolver()
	if environment.is_empty():
		return
	var end := endpoint("tcp")
	var result := EngineProcess.run("children/lookups.gd", [str(end.port)], environment)
	check_eq(result["code"], 0, "exit code: " + result["output"])
	for line: String in [
			# The call's error, the status after it, the error and the count of connect_finished,
			# the final status and the last error.
			"none: [0, 1, %d, 1, 3, %d, \"resolve none.test: " % [ERR_CANT_RESOLVE, ERR_CANT_RESOLVE],
			"slow: [0, 1, 0, 1, 2, 0, \"\"]\n",
			"limited: [0, 1, %d, 1, 3, %d, \"resolve hang.test: timed out\"]\n" % [ERR_TIMEOUT, ERR_TIMEOUT],
			"cancelled: [0, 1, %d, 1, 0, 0, \"\"]\n" % ERR_SKIP,
			"beside: [0, 1, 0, 1, 2, 0, \"\"]\n",
			"again: [%d, 0], status 2\n" % ERR_SKIP,
			"put: 0, pending 3, host ''\n",
			"sent: pending 0, status 2, host '127.0.0.1'\n",
			"bound: 0, host '127.0.0.1'\n"]:
		check(result["output"].contains(line), "'%s' in: %s" % [line, result["output"]])


func test_quitting_does_not_wait_for_a_lookup() -> void:
	var environment := _resolver()
	if environment.is_empty():
		return
	var usual := _time_to_quit("nothing", 0, environment)
	for what: String in ["connecting", "dropped", "cancelled"]:
		var taken := _time_to_quit(what, 1, environment)
		check(taken < usual + TOO_LONG_MSEC,
				"%s: %d ms, and without a lookup %d ms" % [what, taken, usual])


func test_quitting_does_not_wait_for_queued_lookups() -> void:
	var environment := _resolver()
	if environment.is_empty():
		return
	var usual := _time_to_quit("nothing", 0, environment)
	var taken := _time_to_quit("connecting", 50, environment)
	check(taken < usual + TOO_LONG_MSEC,
			"%d ms, and without a lookup %d ms" % [taken, usual])


func test_unloading_does_not_wait_for_a_lookup() -> void:
	var environment := _resolver()
	if environment.is_empty():
		return
	var usual := _time_to_quit("nothing", 0, environment)
	var start := Time.get_ticks_msec()
	var result := EngineProcess.run("children/unload_during_lookup.gd", ["hang.test"], environment)
	var taken := Time.get_ticks_msec() - start
	check_eq(result["code"], 0, "exit code: " + result["output"])
	check(result["output"].contains("asked true\nunload 0\nclass there false\n"), result["output"])
	check(taken < usual + TOO_LONG_MSEC,
			"%d ms, and without a lookup %d ms" % [taken, usual])


func test_the_library_can_be_loaded_again_during_a_lookup() -> void:
	var environment := _resolver()
	if environment.is_empty():
		return
	var result := EngineProcess.run("children/unload_during_lookup.gd", ["slow.test"], environment)
	check_eq(result["code"], 0, "exit code: " + result["output"])
	check(result["output"].contains("load 0\n"), result["output"])
	check(result["output"].contains("exchanged 5\n"), result["output"])


# The total run time of the child process in milliseconds.
func _time_to_quit(what: String, count: int, environment: Dictionary) -> int:
	DirAccess.remove_absolute(environment["RESOLVER_LOG"])
	var start := Time.get_ticks_msec()
	var result := EngineProcess.run("children/quit_during_lookup.gd", [what, str(count)], environment)
	var taken := Time.get_ticks_msec() - start
	check_eq(result["code"], 0, what + ": exit code: " + result["output"])
	check_eq(result["output"].count("connect 0\n"), count,
			what + ": connects accepted: " + result["output"])
	if count > 0:
		check(result["output"].contains("asked true"),
				what + ": the resolver was asked: " + result["output"])
	for word: String in ["ERROR", "WARNING", "panicked", "leaked"]:
		check(not result["output"].contains(word), "%s: no '%s' in: %s" % [what, word, result["output"]])
	return taken


func _resolver() -> Dictionary:
	var environment := {}
	if EngineProcess.available():
		environment = EngineProcess.resolver(fresh_path().get_base_dir())
	if environment.is_empty():
		skip("preloading a resolver needs Linux and a C compiler")
	return environment
