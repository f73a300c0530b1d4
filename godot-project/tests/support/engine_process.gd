extends RefCounted
## A second engine, for tests that look at a process from outside: its output and its exit code.

# The results of append() and the like need no check here.
@warning_ignore_start("return_value_discarded")


## Whether this platform can run a second engine.
static func available() -> bool:
	return OS.has_feature("linux") and not _command().is_empty()


## Runs `script`, an absolute path or one relative to `res://tests/`, and returns its exit code and
## all its output, errors included. `environment` has additional variables, `descriptors` limits the
## open descriptors (0: as in this process), `wrapper` is a command to run the engine with, and
## `project_path` the folder of another project.
static func run(script: String, arguments: PackedStringArray = [], environment: Dictionary = {},
		descriptors: int = 0,
		wrapper: PackedStringArray = [], project_path: String = "res://") -> Dictionary:
	var command: PackedStringArray = wrapper.duplicate()
	command.append_array(_command_for(script, arguments, environment, descriptors, project_path))
	var program: String = command[0]
	command.remove_at(0)
	var output: Array = []
	var code: int = OS.execute(program, command, output, true)
	return {"code": code, "output": "".join(PackedStringArray(output))}


## Starts a second engine and returns the dictionary of `OS.execute_with_pipe`.
static func start(script: String, arguments: PackedStringArray = [],
		environment: Dictionary = {}) -> Dictionary:
	var command: PackedStringArray = _command_for(script, arguments, environment, 0)
	var program: String = command[0]
	command.remove_at(0)
	return OS.execute_with_pipe(program, command)


## Makes a project in `directory` with this project's addon and the lines `settings` in its
## settings.
static func project(directory: String, settings: String) -> void:
	DirAccess.make_dir_recursive_absolute(directory.path_join(".godot"))
	OS.execute("ln",
			["-s", ProjectSettings.globalize_path("res://addons"), directory.path_join("addons")])
	for file: String in ["extension_list.cfg", "global_script_class_cache.cfg"]:
		DirAccess.copy_absolute("res://.godot".path_join(file),
				directory.path_join(".godot").path_join(file))
	FileAccess.open(directory.path_join("project.godot"),
			FileAccess.WRITE).store_string("config_version=5\n" + settings)


## The environment for a process whose lookups go to `children/resolver.c`, which is built in
## `directory`. Empty where there is no compiler. The names are logged in the file `RESOLVER_LOG`.
static func resolver(directory: String) -> Dictionary:
	var library: String = directory.path_join("resolver.so")
	var source: String = ProjectSettings.globalize_path("res://tests/children/resolver.c")
	if OS.execute("cc", ["-shared", "-fPIC", "-o", library, source, "-ldl"]) != 0:
		return {}
	return {"LD_PRELOAD": library, "RESOLVER_LOG": directory.path_join("resolver.log")}


static func _command_for(script: String, arguments: PackedStringArray, environment: Dictionary,
		descriptors: int, project_path: String = "res://") -> PackedStringArray:
	var command: PackedStringArray = PackedStringArray()
	if descriptors > 0:
		command.append_array(["prlimit", "--nofile=%d" % descriptors])
	if not environment.is_empty():
		command.append("env")
	for variable: String in environment:
		command.append("%s=%s" % [variable, environment[variable]])
	command.append_array(_command())
	command.append_array(["--headless", "--path", ProjectSettings.globalize_path(project_path),
			"--script", script if script.is_absolute_path() else "res://tests/" + script, "--"])
	command.append_array(arguments)
	return command


# The command that started this engine. An engine that runs through its own loader has that loader
# as its executable, which needs the same options and the engine's path.
static func _command() -> PackedStringArray:
	var file: FileAccess = FileAccess.open("/proc/self/cmdline", FileAccess.READ)
	if file == null:
		return [OS.get_executable_path()]
	# A file of /proc has no size, so it is read until its end.
	var bytes: PackedByteArray = PackedByteArray()
	while not file.eof_reached():
		bytes.append_array(file.get_buffer(4096))
	var command: PackedStringArray = PackedStringArray([OS.get_executable_path()])
	if not command[0].get_file().begins_with("ld-"):
		return command
	var words: PackedStringArray = PackedStringArray()
	for word: String in _split(bytes):
		words.append(word)
	var i: int = 1
	while i < words.size() and words[i].begins_with("--"):
		command.append_array([words[i], words[i + 1]])
		i += 2
	command.append(words[i])
	return command


static func _split(bytes: PackedByteArray) -> PackedStringArray:
	var words: PackedStringArray = PackedStringArray()
	var begin: int = 0
	for i: int in bytes.size():
		if bytes[i] == 0:
			words.append(bytes.slice(begin, i).get_string_from_utf8())
			begin = i + 1
	return words
