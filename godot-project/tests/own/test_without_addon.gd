extends "res://tests/support/test_case.gd"
## The script in `docs/web-exports.md`, in a project without the addon, as on the web.

const EngineProcess := preload("res://tests/support/engine_process.gd")

const PAGE := "../docs/web-exports.md"
const RUNNER := """extends SceneTree


func _initialize() -> void:
	root.add_child((load("res://example.gd") as GDScript).new())
	await process_frame
	await process_frame
	quit()
"""


func test_a_script_uses_the_engines_class_without_the_addon() -> void:
	if not EngineProcess.available():
		return skip("a second engine cannot be run here")
	var page := FileAccess.get_file_as_string(
			ProjectSettings.globalize_path("res://").path_join(PAGE))
	if page.is_empty():
		return skip("the documentation is not beside the project")
	var project := fresh_path()
	DirAccess.make_dir_recursive_absolute(project)
	var files := {
		"project.godot": "config_version=5\n",
		"example.gd": page.get_slice("```gdscript\n", 1).get_slice("```", 0),
		"run.gd": RUNNER,
	}
	for file: String in files:
		FileAccess.open(project.path_join(file), FileAccess.WRITE).store_string(files[file])
	var run := EngineProcess.run(project.path_join("run.gd"), [], {}, 0, [], project)
	check_eq(run.code, 0, "exit code")
	check(run.output.contains("\nuses WebSocketPeer\n"), run.output)
	check(not run.output.contains("ERROR"), run.output)
	OS.execute("rm", ["-r", project])
