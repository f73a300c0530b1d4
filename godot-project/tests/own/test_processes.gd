extends "res://tests/support/test_case.gd"
## Our objects in processes that exit, or that are stopped and continued.

const EngineProcess := preload("res://tests/support/engine_process.gd")

# The engine's words for objects that outlive it, and for other problems.
const LEAKS := ["leaked", "Leaked", "still in use", "unclaimed", "Orphan", "ERROR", "panicked",
		"WARNING"]


func test_exit_with_live_objects_is_clean() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var path := fresh_path()
	var result := EngineProcess.run("children/exit_with_live_objects.gd", [path, "--verbose"])
	check_eq(result["code"], 0, "exit code: " + result["output"])
	check(result["output"].contains("status 2 2 2"), "the script ran to its end: " + result["output"])
	check(result["output"].contains("\nlacking []\n"), "every class: " + result["output"])
	for leak: String in LEAKS:
		check(not result["output"].contains(leak), "no '%s' in: %s" % [leak, result["output"]])
	check_eq(OS.execute("test", ["-e", path]), 1, "the server's file is removed")


func test_reads_survive_stopping_and_continuing_the_process() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var end := endpoint("tcp")
	var child := EngineProcess.start("children/echo_sum.gd", [str(end.port)])
	var served := accept(end)
	var pid := str(child["pid"])
	# Each round interrupts a read that waits for the next byte.
	for i in 20:
		for j in 50:
			served.put_u8(1)
		check_eq(OS.execute("kill", ["-STOP", pid]), 0, "stop")
		check_eq(OS.execute("kill", ["-CONT", pid]), 0, "continue")
	check_eq(served.get_32(), OK, "what the interrupted read returned")
	check_eq(served.get_32(), 1000, "the sum of what it read")
	reaches(served, STATUS_NONE, "the child to close")
	spin_until(func() -> bool: return not OS.is_process_running(child["pid"]), "the child to end")
