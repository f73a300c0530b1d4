extends SceneTree
## Compiles every script below the folders that the arguments name. Prints "compiled: " and the
## number of scripts that compile.


func _initialize() -> void:
	var compiled: int = 0
	for folder: String in OS.get_cmdline_user_args():
		compiled += _compile(folder)
	print("compiled: ", compiled)
	quit()


func _compile(folder: String) -> int:
	var compiled: int = 0
	for file: String in DirAccess.get_files_at(folder):
		if file.get_extension() == "gd":
			var script: GDScript = load(folder.path_join(file))
			compiled += int(script != null and script.can_instantiate())
	for child: String in DirAccess.get_directories_at(folder):
		compiled += _compile(folder.path_join(child))
	return compiled
