extends "res://tests/support/test_case.gd"
## The hints that a game prints, unless it is exported, for mistakes that nothing else reports, and
## the setting that disables them. The tests of the other files fail if they get a hint.

const EngineProcess := preload("res://tests/support/engine_process.gd")

const UNPOLLED := "WARNING: StreamPeerTCPRs: connect to 127.0.0.1:%s was never polled; "
const ADVICE := "call poll() each frame or set auto_poll"
const FRAMINGS := [
	"waiting for a packet of 25960 bytes, after 6 bytes that begin with \"hello\\n\" (FRAMING_LENGTH)",
	"waiting for the delimiter \"\\n\", after 33 bytes that begin with "
			+ "\"\\x01 \\\"no end\\\" and m\" (FRAMING_DELIMITER)",
	"waiting for the end of the headers, after 2 bytes that begin with \"{}\" "
			+ "(FRAMING_CONTENT_LENGTH)",
]
const OTHER_FRAMING := "; does the other side use another framing?"
const KEEP := "; keep it in a variable of the script"

## For each function of the child, the hint that it gets.
const LOCAL_VARIABLES := {
	"_tcp_server": "WARNING: TCPServerRs on port ",
	"_uds_server": "WARNING: UDSServerRs on ",
	"_group": "WARNING: StreamPeerSocketGroupRs was freed with 2 members" + KEEP,
	"_stopped": "",
	"_used": "",
	"_unused": "",
	"_kept": "",
	"_empty_group": "",
	"_polled_group": "",
	"end": "",
}


func test_each_mistake_gets_one_hint() -> void:
	if not _can_run():
		return
	var run := EngineProcess.run("children/hints.gd", [fresh_path()])
	check_eq(run.code, 0, "exit code")
	var all: Array = run.output.split("== ")
	# Mistakes that took too long for a hint were made again.
	var output := "== ".join(all.filter(
			func(part: String) -> bool: return not part.contains("\ntoo late\n")))
	var parts := output.split("== ").slice(1)
	check_eq(parts.size(), LOCAL_VARIABLES.size(), "functions in " + output)
	for part in parts:
		var name := part.get_slice("\n", 0)
		part = part.get_slice("port ", 0) if name == "end" else part
		var hint: String = LOCAL_VARIABLES[name]
		check_eq(part.count("WARNING"), int(not hint.is_empty()), "hints in " + part)
		check(hint.is_empty() or part.contains(hint), part)
		if hint.contains("Server"):
			check(part.contains(" was freed while listening" + KEEP), part)
	var port := output.get_slice("\nport ", 1).get_slice("\n", 0)
	var unpolled := UNPOLLED % port + ADVICE
	check_eq(output.get_slice("status of", 0).count(unpolled), 2, "unpolled connects in " + output)
	check_eq(output.get_slice("asks", 1).count(unpolled), 1, "while the script blocks: " + output)
	check_eq(output.count(unpolled), 3, "unpolled connects in all: " + output)
	for framing: String in FRAMINGS:
		check_eq(output.count(framing + OTHER_FRAMING), 1, framing + " in " + output)
	check_eq(output.count(OTHER_FRAMING), FRAMINGS.size(), "hints of packets in " + output)
	check_eq(output.count("WARNING"), 9, "hints in all: " + output)
	check(output.contains("\ndone\n") and not output.contains("ERROR"), output)


func test_a_project_can_disable_the_hints() -> void:
	if not _can_run():
		return
	var project := fresh_path()
	EngineProcess.project(project, "[debug]\nsettings/stream_sockets/hints=false\n")
	var script := project.path_join("hints.gd")
	DirAccess.copy_absolute("res://tests/children/hints.gd", script)
	var run := EngineProcess.run(script, [fresh_path()], {}, 0, [], project)
	check_eq(run.code, 0, "exit code")
	check(run.output.contains("\ndone\n") and not run.output.contains("WARNING"), run.output)
	OS.execute("rm", ["-r", project])


func _can_run() -> bool:
	if not EngineProcess.available():
		skip("a second engine cannot be run here")
	elif not OS.has_feature("debug"):
		skip("this is a release build")
	elif not family.lacks_uds().is_empty():
		skip(family.lacks_uds())
	return skip_reason.is_empty()
