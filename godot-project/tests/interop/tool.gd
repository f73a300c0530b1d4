extends RefCounted
## A third-party program that a test has started, with pipes for its input and output.

var pid := -1
var _pipe: FileAccess
var _errors: FileAccess


## Starts the program `name` of the suite's tools.
static func start(name: String, arguments: PackedStringArray) -> RefCounted:
	var tool: RefCounted = new()
	var started := OS.execute_with_pipe(OS.get_environment("INTEROP_TOOLS").path_join(name), arguments,
			true)
	if not started.is_empty():
		tool.pid = started.pid
		tool._pipe = started.stdio
		tool._errors = started.stderr
	return tool


## The path of a script beside the tests.
static func script(name: String) -> String:
	return ProjectSettings.globalize_path("res://tests/interop/" + name)


func put_line(line: String) -> void:
	_pipe.store_string(line + "\n")
	_pipe.flush()


## Waits for a line of the program's output.
func line() -> String:
	return _pipe.get_line()


func is_running() -> bool:
	return OS.is_process_running(pid)


func stop() -> void:
	if pid > 0 and is_running():
		OS.kill(pid)
