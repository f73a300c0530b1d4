extends "res://tests/support/test_case.gd"
## The scripts that the addon brings, and those that are there to be copied: users see the warnings in them, as in their own.

const FOLDERS := ["res://addons/stream_peer_socket_rs", "res://examples", "res://demo", "res://demo/chat", "res://demo/crowd",
		"res://demo/exchange", "res://demo/inspector"]
const WARNINGS := "debug/gdscript/warnings/"


func test_nothing_warns() -> void:
	if not ClassDB.class_exists(&"RichTextLabel"):
		return skip("this engine was built without what the demo's window shows")
	var before := {}
	for property in ProjectSettings.get_property_list():
		var name: String = property.name
		if name.begins_with(WARNINGS):
			before[name] = ProjectSettings.get_setting(name)
			# What warns unless somebody asks for more is an error, which the log shows.
			if property.type == TYPE_INT and before[name] == 1:
				ProjectSettings.set_setting(name, 2)
	# Addons are spared, by the one until Godot 4.5, by the other since.
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
