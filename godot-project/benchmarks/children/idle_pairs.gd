extends SceneTree
## Prints the memory that idle pairs of connected peers take. Arguments: the family, and the number
## of pairs.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Link := preload("res://tests/support/link.gd")
const Row := preload("res://benchmarks/row.gd")
const Server := preload("res://benchmarks/server.gd")

## The pairs that are made before, so that memory that is needed once is not counted.
const FIRST: int = 20

var _server: Server = Server.new()
var _links: Array[Link] = []


func _initialize() -> void:
	var arguments: PackedStringArray = OS.get_cmdline_user_args()
	var count: int = arguments[1].to_int()
	_server.listen(Row.family_of(arguments[0]))
	# The list is resized before the measurement.
	_links.resize(FIRST + count)
	var is_complete: bool = _make(0, FIRST)
	var before: int = _resident_bytes()
	is_complete = _make(FIRST, count) and is_complete
	print("bytes per pair: ", float(_resident_bytes() - before) / count)
	_links.clear()
	quit(0 if is_complete else 1)


func _make(first: int, count: int) -> bool:
	for i: int in count:
		_links[first + i] = _server.pair()
		if _links[first + i] == null:
			return false
	return true


# proc_pid_status(5). Its line is "VmRSS:     1234 kB".
func _resident_bytes() -> int:
	var status: FileAccess = FileAccess.open("/proc/self/status", FileAccess.READ)
	while not status.eof_reached():
		var line: String = status.get_line()
		if line.begins_with("VmRSS:"):
			return line.to_int() * 1024
	return 0
