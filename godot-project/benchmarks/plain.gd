extends RefCounted
## The plain Rust program: far ends, and the same measurements without Godot.

static var path := ""


## The program's name for a kind of socket.
static func name_of(kind: String) -> String:
	return "tcp" if kind == "tcp" else "unix"


## Starts it as a far end and returns its process id.
static func start(arguments: PackedStringArray) -> int:
	return OS.create_process(path, arguments)


## Waits for the end of a far end whose connection is closed.
static func join(process: int) -> void:
	while OS.is_process_running(process):
		OS.delay_usec(100)


## Runs it to its end and returns what it measured.
static func measure(arguments: PackedStringArray) -> Dictionary:
	var output := []
	var code := OS.execute(path, arguments, output)
	return JSON.parse_string(output[0]) if code == 0 else {}
