extends "res://tests/support/test_case.gd"
## Sockets that never connect do not block a scene. Frame times are printed but not tested.

const EngineProcess := preload("res://tests/support/engine_process.gd")
const FRAMES := 120


func test_no_call_blocks_a_scene() -> void:
	var environment := {}
	if EngineProcess.available():
		environment = EngineProcess.resolver(fresh_path().get_base_dir())
	if environment.is_empty():
		return skip("preloading a resolver needs Linux and a C compiler")
	var result := EngineProcess.run("children/frame_times.gd", [str(FRAMES)], environment)
	check_eq(result["code"], 0, "exit code: " + result["output"])
	for line: String in ["%d frames idle, %d frames busy" % [FRAMES, FRAMES], "the lookup hangs: true",
			"put 64 MiB, refused 0 times", "the await is in progress: true"]:
		check(result["output"].contains(line), "'%s' in: %s" % [line, result["output"]])
	for word: String in ["ERROR", "WARNING", "panicked", "leaked"]:
		check(not result["output"].contains(word), "no '%s' in: %s" % [word, result["output"]])
	print(result["output"].substr(maxi(result["output"].find("ms per frame"), 0)).strip_edges())
