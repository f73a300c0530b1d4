extends "res://tests/support/test_case.gd"
## How a process with our objects behaves as a whole.

const EngineProcess := preload("res://tests/support/engine_process.gd")

# What the engine says of things that outlive it.
const LEAKS := ["leaked", "Leaked", "still in use", "unclaimed", "Orphan", "ERROR", "panicked",
		"WARNING"]


func test_exit_with_live_objects_is_clean() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var path := fresh_path()
	var result := EngineProcess.run("children/exit_with_live_objects.gd", [path, "--verbose"])
	check_eq(result["code"], 0, "exit code: " + result["output"])
	check(result["output"].contains("status 2 2 2"), "it got that far: " + result["output"])
	for leak: String in LEAKS:
		check(not result["output"].contains(leak), "no '%s' in: %s" % [leak, result["output"]])
	check_eq(OS.execute("test", ["-e", path]), 1, "the server's file is gone")


func test_stopping_and_continuing_a_process_that_reads() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var end := endpoint("tcp")
	var child := EngineProcess.start("children/echo_sum.gd", [str(end.port)])
	var served := accept(end)
	var pid := str(child["pid"])
	# Each byte is followed by an interruption of the read that waits for the next.
	for i in 20:
		for j in 50:
			served.put_u8(1)
		check_eq(OS.execute("kill", ["-STOP", pid]), 0, "stop")
		check_eq(OS.execute("kill", ["-CONT", pid]), 0, "continue")
	check_eq(served.get_32(), OK, "what the interrupted read returned")
	check_eq(served.get_32(), 1000, "the sum of what it read")
	reaches(served, STATUS_NONE, "the child to close")
	spin_until(func() -> bool: return not OS.is_process_running(child["pid"]), "the child to end")
