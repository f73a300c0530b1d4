extends "res://tests/support/test_case.gd"
## Tests of the runner: every kind of problem in a test is a failure, and the exit code reflects it.

const EngineProcess := preload("res://tests/support/engine_process.gd")
const HEAD := "extends \"res://tests/support/test_case.gd\"\n\n\n"

# The body of each test, and a text that its report must contain.
const FAILING := {
	"a_failed_check": ["check(false, 'the reason')", "the reason"],
	"a_wrong_type": ["check_eq(1, 1.0, 'a number')", "a number: expected 1.0, got 1"],
	"no_check": ["pass", "made no check"],
	"a_script_error": ["check(true, 'reached')\n\tvar nothing: Variant = null\n\tnothing.call('x')",
	"printed: "],
	"an_error_print": ["check(true, 'reached')\n\tpush_error('pushed')", "printed: pushed"],
	"a_wait_that_runs_out": ["spin_until(func() -> bool: return false, 'never', 0.01)",
	"timed out waiting for never"],
	"an_endless_await": ["await Signal(RefCounted.new(), 'script_changed')",
	"did not finish within 1 s"],
}
const PASSING := {
	"a_check": "check(true, 'fine')",
	"a_coroutine": ("await until(func() -> bool: return true, 'now')\n"
				+ "\tawait Engine.get_main_loop().process_frame\n\tcheck(true, 'after')"),
	"a_quiet_error": "quietly(func() -> void: push_error('kept quiet'))\n\tcheck(true, 'fine')",
}


func test_every_kind_of_problem_is_a_failure() -> void:
	if _cannot_run():
		return
	var source := HEAD
	for test_name: String in FAILING:
		source += "func test_%s() -> void:\n\t%s\n\n\n" % [test_name, FAILING[test_name][0]]
	var result := _run({"test_failing.gd": source, "test_broken.gd": HEAD + "func test_x(:",
			"test_empty.gd": HEAD})
	check_eq(result["code"], 1, "exit code")
	for test_name: String in FAILING:
		var report := _report_of("test_failing.gd test_" + test_name, result["output"])
		check(report.begins_with("FAILED"), test_name + " fails: " + report)
		check(report.contains(FAILING[test_name][1]), test_name + " gives the reason: " + report)
	check(_report_of("test_broken.gd", result["output"]).contains("does not load"),
			"a file that does not parse fails")
	check(_report_of("test_empty.gd", result["output"]).contains("no tests"),
			"a file without tests fails")
	check(_last_line(result["output"]) == "0 passed, %d failed" % (FAILING.size() + 2),
			"the summary: " + result["output"])


func test_time_limits_grow_with_the_load_of_the_machine() -> void:
	if not OS.has_feature("linux"):
		return skip("only Linux has the load in a file")
	var before := _average_load()
	var seen := System.processes_per_processor()
	var after := _average_load()
	check(seen >= minf(before, after), "the averages and ours: %s" % [[before, seen, after]])
	check(seen * OS.get_processor_count() >= 1.0, "this process runs: %f" % seen)
	# One more thread for each processor than the average has, which has not risen yet.
	var done := [false]
	var threads: Array[Thread] = []
	for i in int(ceilf(before) + 1.0) * OS.get_processor_count():
		threads.append(in_thread(func() -> void:
			while not done[0]:
				pass))
	spin_until(func() -> bool: return System.processes_per_processor() >= _average_load() + 0.5,
			"%d threads to count" % threads.size())
	done[0] = true
	for thread in threads:
		join(thread, "a busy thread")


func test_a_thread_that_does_not_end_is_a_failure() -> void:
	if _cannot_run():
		return
	var result := _run({"test_stuck.gd": HEAD + "func test_stuck() -> void:\n\tcheck(true, 'fine')\n"
			+ "\tvar started := [false]\n\tin_thread(func() -> void:\n\t\tstarted[0] = true\n"
			+ "\t\tSemaphore.new().wait())\n\tspin_until(func() -> bool: return started[0], 'the start')\n"})
	check(result["code"] != 0, "exit code")
	check(_report_of("test_stuck", result["output"]).contains("still running"),
			"the report: " + result["output"])
	check_eq(_last_line(result["output"]), "0 passed, 1 failed", "the summary")


func test_correct_tests_pass_or_are_skipped() -> void:
	if _cannot_run():
		return
	var source := HEAD
	for test_name: String in PASSING:
		source += "func test_%s() -> void:\n\t%s\n\n\n" % [test_name, PASSING[test_name]]
	source += "func test_skipped() -> void:\n\tskip('no need')\n\n\n"
	source += "func test_in_part() -> void:\n\tcheck(true, 'fine')\n"
	source += "\tleave_out('no such thing')\n\tleave_out('nor such')\n"
	var result := _run({"test_passing.gd": source})
	check_eq(result["code"], 0, "exit code: " + result["output"])
	check(_report_of("test_passing.gd test_skipped", result["output"]).contains("no need"),
			"the reason of a skip")
	check(_report_of("test_passing.gd test_in_part",
			result["output"]).ends_with(" in part: no such thing, nor such"),
			"the reasons for leaving out parts")
	check(result["output"].contains("\n1 skipped\n1 passed in part\n"),
			"skips are counted: " + result["output"])
	check_eq(_last_line(result["output"]), "%d passed, 0 failed" % (PASSING.size() + 1), "the summary")
	check(not result["output"].contains("ERROR"), "a green run has a clean log: " + result["output"])


func test_a_run_without_tests_is_a_failure() -> void:
	if _cannot_run():
		return
	var result := _run({})
	check_eq(result["code"], 1, "exit code")
	check_eq(_last_line(result["output"]), "0 passed, 0 failed", "the summary")


func test_parts_are_disjoint_and_complete() -> void:
	if _cannot_run():
		return
	var source := HEAD
	for i in 7:
		source += "func test_%d() -> void:\n\tcheck(true, 'fine')\n\n\n" % i
	var files := {"test_first.gd": source, "test_second.gd": source}
	var seen := PackedStringArray()
	for part: String in ["1/3", "2/3", "3/3"]:
		var output: String = _run(files, ["--part=" + part, "test_"])["output"]
		var passed := Array(output.split("\n")).filter(
				func(line: String) -> bool: return line.begins_with("ok "))
		check(passed.size() in [4, 5], "a third of 14 tests: " + output)
		seen.append_array(PackedStringArray(passed))
	var all: String = _run(files)["output"]
	seen.sort()
	for line in seen:
		check(all.contains(line), "a test of the whole run: " + line)
	check_eq(seen.size(), 14, "no test is missing or runs twice: %s" % seen)


func test_defects_on_engine_expects_failures() -> void:
	if _cannot_run():
		return
	var source := HEAD
	source += "func test_right() -> void:\n\tcheck_eq(family.name, 'engine', 'the family')\n\n\n"
	source += "func test_wrong() -> void:\n\tcheck(false, 'the defect')\n\n\n"
	source += "func test_broken() -> void:\n\tcheck(false, 'the defect')\n"
	source += "\tvar nothing: Variant = null\n\tnothing.call('x')\n"
	var result := _run({"better/test_defects.gd": source, "test_other.gd": HEAD},
			["--defects-on-engine"])
	check_eq(result["code"], 1, "exit code")
	check(_report_of("test_right [engine]", result["output"]).begins_with("FAILED"),
			"no defect: " + result["output"])
	check(_report_of("test_wrong [engine]", result["output"]).begins_with("ok"),
			"a defect: " + result["output"])
	check(_report_of("test_broken [engine]", result["output"]).begins_with("FAILED"),
			"a script error: " + result["output"])
	check_eq(_last_line(result["output"]), "1 passed, 2 failed", "the summary")


# The run within this test takes minutes on a busy machine, and has its own time limits.
func time_limits() -> Dictionary:
	return {"test_no_quiet_call_panics": 900}


func test_no_quiet_call_panics() -> void:
	if _cannot_run():
		return
	# A panic is printed as an error, which tests may mute. So this runs them without muting.
	var arguments := PackedStringArray(["--loud"])
	for directory in ["parity", "own", "better"]:
		for file in DirAccess.get_files_at("res://tests".path_join(directory)):
			var source := FileAccess.get_file_as_string("res://tests".path_join(directory).path_join(file))
			# The tests with TLS are slow, and mute no error of our classes.
			if file.ends_with(".gd") and not source.contains("StreamPeerTLS"):
				if source.contains("quietly(") or source.contains("mute("):
					arguments.append("%s/%s*[ours]" % [directory, file])
	check(arguments.size() > 5, "tests that mute errors")
	var result := EngineProcess.run("run.gd", arguments)
	check(not _last_line(result["output"]).is_empty(),
			"the run reached its end: " + result["output"].right(1000))
	var panic: int = result["output"].findn("panic")
	check(panic < 0, "a panic: " + result["output"].substr(maxi(panic - 200, 0), 2000))


func _cannot_run() -> bool:
	if not EngineProcess.available():
		skip("starting another engine is known for Linux only")
	elif not ClassDB.class_exists("Logger"):
		skip("printed errors can be watched since Godot 4.5")
	return not skip_reason.is_empty()


func _run(files: Dictionary, arguments: PackedStringArray = []) -> Dictionary:
	var directory := fresh_path()
	for file: String in files:
		DirAccess.make_dir_recursive_absolute(directory.path_join(file).get_base_dir())
		FileAccess.open(directory.path_join(file), FileAccess.WRITE).store_string(files[file])
	return EngineProcess.run("run.gd",
			PackedStringArray(["--root=" + directory, "--time-limit=1"]) + arguments)


# The report of a test: its line and the indented lines below it.
func _report_of(label: String, output: String) -> String:
	var report := PackedStringArray()
	for line in output.split("\n"):
		if (line.contains(label)
				and (line.begins_with("FAILED") or line.begins_with("ok") or line.begins_with("skipped"))):
			report.append(line)
		elif not report.is_empty():
			if not line.begins_with("        "):
				break
			report.append(line)
	return "\n".join(report)


func _last_line(output: String) -> String:
	for line in output.split("\n"):
		if line.ends_with(" failed"):
			return line
	return ""


func _average_load() -> float:
	var file := FileAccess.open("/proc/loadavg", FileAccess.READ)
	return file.get_line().to_float() / OS.get_processor_count()
