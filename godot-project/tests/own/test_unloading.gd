extends "res://tests/support/test_case.gd"
## Unloads the addon after its last object was freed. test_lookups.gd does so during a lookup.

const EngineProcess := preload("res://tests/support/engine_process.gd")


func test_the_addon_can_be_unloaded_after_auto_poll() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var result := EngineProcess.run("children/unload_after_auto_poll.gd")
	check_eq(result["code"], 0, "exit code: " + result["output"].right(1500).left(300))
	check_eq(result["output"].count("unload 0"), 2, "unloaded: " + result["output"].right(1500))
	check(result["output"].contains("\nover\n") and not result["output"].contains("ERROR"),
			"the rest: " + result["output"].right(1500))


func test_every_class_works_after_the_addon_is_loaded_again() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var result := EngineProcess.run("children/unload_after_every_class.gd", [fresh_path()])
	check_eq(result["code"], 0, "exit code: " + result["output"].right(1500))
	for line: String in ["packet hello", "byte 5", "message hello"]:
		check_eq(result["output"].count("\n%s\n" % line), 3, line + ": " + result["output"].right(1500))
	check_eq(result["output"].count("\nlacking []\n"), 3, "classes: " + result["output"].right(1500))
	check_eq(result["output"].count("unload 0"), 3, "unloaded: " + result["output"].right(1500))
	check(result["output"].contains("\nover\n") and not result["output"].contains("ERROR")
			and not result["output"].contains("leaked"), "the rest: " + result["output"].right(1500))
