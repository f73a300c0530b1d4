extends SceneTree
## Runs one task of `cargo xtask situations`, once for each family of classes:
## [codeblock lang=text]
## godot --headless --path godot-project --script res://tests/situations/run.gd --
##     FILE.METHOD FAMILIES [ARGUMENT...]
## [/codeblock]
##
## FAMILIES is `engine`, `ours`, or both, separated by a comma. The environment variable
## SITUATION_FOLDER names a folder for files. Every case prints one line with `SITUATION`, the
## family, the case, its score and its outcome in words, separated by tabs.

const Family := preload("res://tests/support/family.gd")
const Situation := preload("res://tests/situations/situation.gd")


func _initialize() -> void:
	# The tree is complete after the first frame.
	await process_frame
	# Printed errors are not judged, since situations are meant to cause failures.
	Engine.print_error_messages = OS.has_environment("SITUATION_LOUD")
	var arguments := OS.get_cmdline_user_args()
	var task := arguments[0].split(".")
	var families := arguments[1].split(",")
	for family_name in families:
		var script := load("res://tests/situations/%s.gd" % task[0]) as GDScript
		var situation := script.new() as Situation
		situation.family = Family.ours() if family_name == "ours" else Family.engine()
		situation.arguments = arguments.slice(2)
		situation.folder = OS.get_environment("SITUATION_FOLDER").path_join(family_name)
		DirAccess.make_dir_absolute(situation.folder)
		situation.call(task[1])
		situation.clean_up()
	quit()
