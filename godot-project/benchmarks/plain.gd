extends RefCounted
## The plain Rust program: the far ends, and the same measurements without Godot.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Cores := preload("res://benchmarks/cores.gd")

static var path: String = ""


## The program's name for a kind of socket.
static func name_of(kind: String) -> String:
	return "tcp" if kind == "tcp" else "unix"


## Starts the program as a far end that connects to `address`, and returns its process id.
static func start(command: String, address: String, arguments: PackedStringArray = []) -> int:
	var words: PackedStringArray = Cores.far(PackedStringArray([path, command, address]) + arguments)
	return OS.create_process(words[0], words.slice(1))


## Starts the program with pipes. Returns the dictionary of `OS.execute_with_pipe`.
static func start_with_pipe(arguments: PackedStringArray) -> Dictionary:
	var words: PackedStringArray = Cores.near(PackedStringArray([path]) + arguments)
	return OS.execute_with_pipe(words[0], words.slice(1))


## Waits for the end of a process.
static func join(process: int) -> void:
	while OS.is_process_running(process):
		OS.delay_usec(100)


## Runs a measurement in the program alone, and returns the result.
static func measure_alone(arguments: PackedStringArray) -> Dictionary:
	var output: Array = []
	OS.execute(path, arguments, output)
	var text: String = output[0]
	var measured: Variant = JSON.parse_string(text)
	return measured if measured is Dictionary else {}


## Runs a measurement between two processes of the program, and returns the result. `far` is the
## command of the other end with its arguments.
static func measure(near: PackedStringArray, far: PackedStringArray) -> Dictionary:
	var started: Dictionary = start_with_pipe(near)
	var output: FileAccess = started["stdio"]
	var far_end: int = start(far[0], output.get_line(), far.slice(1))
	var measured: Variant = JSON.parse_string(output.get_line())
	join(far_end)
	var near_end: int = started["pid"]
	join(near_end)
	return measured if measured is Dictionary else {}
