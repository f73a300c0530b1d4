extends RefCounted
## The plain Rust program: far ends, and the same measurements without Godot.

const Cores := preload("res://benchmarks/cores.gd")

static var path := ""


## The program's name for a kind of socket.
static func name_of(kind: String) -> String:
	return "tcp" if kind == "tcp" else "unix"


## Starts it as a far end, which connects to `address`, and returns its process id.
static func start(command: String, address: String, arguments: PackedStringArray = []) -> int:
	var words := Cores.far(PackedStringArray([path, command, address]) + arguments)
	return OS.create_process(words[0], words.slice(1))


## Starts it with pipes: what `OS.execute_with_pipe` returns.
static func start_with_pipe(arguments: PackedStringArray) -> Dictionary:
	var words := Cores.near(PackedStringArray([path]) + arguments)
	return OS.execute_with_pipe(words[0], words.slice(1))


## Waits for the end of one that has nothing left to do.
static func join(process: int) -> void:
	while OS.is_process_running(process):
		OS.delay_usec(100)


## Has it measure on its own, and returns what.
static func measure_alone(arguments: PackedStringArray) -> Dictionary:
	var output := []
	OS.execute(path, arguments, output)
	var measured: Variant = JSON.parse_string(output[0])
	return measured if measured is Dictionary else {}


## Has it measure, and returns what: `far` is its other end, a command with its arguments.
static func measure(near: PackedStringArray, far: PackedStringArray) -> Dictionary:
	var started := start_with_pipe(near)
	var output: FileAccess = started["stdio"]
	var far_end := start(far[0], output.get_line(), far.slice(1))
	var measured: Variant = JSON.parse_string(output.get_line())
	join(far_end)
	join(started["pid"])
	return measured if measured is Dictionary else {}
