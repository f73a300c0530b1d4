extends "res://tests/support/test_case.gd"
## The scripts of the addon and those that are meant to be copied compile without warnings: users
## would see these among their own.

const EngineProcess := preload("res://tests/support/engine_process.gd")

## The folders that users copy. They have to compile in any folder of any project.
const COPIED := ["res://addons/stream_peer_socket_rs", "res://examples"]
## The folders with other strict scripts, which have to stay where they are.
const IN_PLACE := ["res://demo", "res://benchmarks"]
## The folder of the scripts that those in place use.
const SUPPORT := "res://tests/support"
const FOLDERS := ["res://addons/stream_peer_socket_rs", "res://examples", "res://demo",
		"res://demo/chat", "res://demo/crowd", "res://demo/exchange", "res://demo/inspector",
		"res://demo/phones"]
const WARNINGS := "debug/gdscript/warnings/"


func test_shipped_scripts_have_no_default_warnings() -> void:
	if not ClassDB.class_exists(&"RichTextLabel"):
		return skip("this engine was built without what the demo's window shows")
	var before := {}
	for property in ProjectSettings.get_property_list():
		var name: String = property.name
		if name.begins_with(WARNINGS):
			before[name] = ProjectSettings.get_setting(name)
			# Turns each default warning into an error, which shows in the log.
			if property.type == TYPE_INT and before[name] == 1:
				ProjectSettings.set_setting(name, 2)
	# The warnings of addons are disabled by the first setting before Godot 4.5, and by the second
	# since.
	ProjectSettings.set_setting(WARNINGS + "exclude_addons", false)
	ProjectSettings.set_setting(WARNINGS + "directory_rules", {})
	await ProjectSettings.settings_changed
	for folder: String in FOLDERS:
		var scripts := 0
		for file in DirAccess.get_files_at(folder):
			if file.get_extension() == "gd":
				scripts += 1
				var path := folder.path_join(file)
				var script: GDScript = ResourceLoader.load(path, "", ResourceLoader.CACHE_MODE_IGNORE)
				check(script != null and script.can_instantiate(), path)
		check(scripts > 0, folder)
	for name: String in before:
		ProjectSettings.set_setting(name, before[name])
	for name in ["exclude_addons", "directory_rules"]:
		if WARNINGS + name not in before:
			ProjectSettings.set_setting(WARNINGS + name, null)
	await ProjectSettings.settings_changed


## Compiles the scripts in a project in which every warning is an error. The addon is not in
## `addons` there, since Godot disables the warnings of scripts in that folder: always before 4.5,
## and by default since.
func test_scripts_compile_with_every_warning_as_an_error() -> void:
	if not EngineProcess.available():
		return skip("a second engine cannot be run here")
	if not ClassDB.class_exists(&"RichTextLabel"):
		return skip("this engine was built without what the demo's window shows")
	var root := fresh_path("strict")
	DirAccess.make_dir_recursive_absolute(root.path_join(".godot"))
	DirAccess.make_dir_recursive_absolute(root.path_join("code/parts"))
	DirAccess.make_dir_recursive_absolute(root.path_join("tests"))
	var scripts := 0
	var folders := PackedStringArray()
	for folder: String in COPIED:
		folders.append("res://code/parts".path_join(folder.get_file()))
		_copy(folder, root.path_join("code/parts"))
		scripts += _count_scripts(folder)
	# Examples use the addon's scripts at the place where users install them.
	var addon := COPIED[0].trim_prefix("res://")
	DirAccess.make_dir_recursive_absolute(root.path_join(addon))
	for file in DirAccess.get_files_at(COPIED[0]):
		if file.get_extension() == "gd":
			_copy(COPIED[0].path_join(file), root.path_join(addon))
	for folder: String in IN_PLACE:
		folders.append(folder)
		_copy(folder, root)
		scripts += _count_scripts(folder)
	# The demo shows one of the examples.
	_copy(COPIED[1], root)
	_copy(SUPPORT, root.path_join("tests"))
	var settings := "config_version=5\n[debug]\n"
	for property in ProjectSettings.get_property_list():
		var name: String = property.name
		if name.begins_with(WARNINGS) and property.type == TYPE_INT:
			settings += "%s=2\n" % name.trim_prefix("debug/")
	settings += "gdscript/warnings/exclude_addons=false\ngdscript/warnings/directory_rules={}\n"
	_write(root.path_join("project.godot"), settings)
	_write(root.path_join(".godot/extension_list.cfg"),
			"res://code/parts/stream_peer_socket_rs/stream_peer_socket_rs.gdextension\n")
	_write(root.path_join(".godot/global_script_class_cache.cfg"), "list=[]\n")
	var child := ProjectSettings.globalize_path("res://tests/children/compile_all.gd")
	var run := EngineProcess.run(child, folders, {}, 0, [], root)
	check(run.output.contains("compiled: %d\n" % scripts) and not run.output.contains("ERROR"),
			run.output)
	OS.execute("rm", ["-r", root])
	check(scripts >= 60, "%d scripts" % scripts)


func _copy(folder: String, to: String) -> void:
	OS.execute("cp", ["-r", ProjectSettings.globalize_path(folder), to])


func _write(path: String, text: String) -> void:
	var file := FileAccess.open(path, FileAccess.WRITE)
	file.store_string(text)
	file.close()


func _count_scripts(folder: String) -> int:
	var count := 0
	for file in DirAccess.get_files_at(folder):
		count += int(file.get_extension() == "gd")
	for child in DirAccess.get_directories_at(folder):
		count += _count_scripts(folder.path_join(child))
	return count
