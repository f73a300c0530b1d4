extends RefCounted
## Pins the two processes of a stream to two cores. The system would put them on one core or on two,
## which differ several times in speed, and would change that during a measurement. Without taskset,
## or with one core, nothing is pinned.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

## The cores of this process, as taskset lists them, while the process is pinned. Empty otherwise.
static var _all: String = ""
static var _first: String = ""
static var _last: String = ""


## Pins this thread and, from now on, the processes of `near` and `far`.
static func separate() -> void:
	var output: Array = []
	if not OS.has_feature("linux") or OS.execute("taskset", ["-cp", _thread()], output) != 0:
		return
	# The output is "pid 123's current affinity list: 0-3,5".
	var line: String = output[0]
	var cores: String = line.get_slice("list: ", 1).strip_edges()
	var numbers: PackedStringArray = cores.replace("-", ",").split(",")
	if numbers.size() > 1:
		_all = cores
		_first = numbers[0]
		_last = numbers[-1]
		OS.execute("taskset", ["-cp", _first, _thread()])


## Ends the pinning.
static func release() -> void:
	if not _all.is_empty():
		OS.execute("taskset", ["-cp", _all, _thread()])
		_all = ""


## The command that starts a process on the core of this one.
static func near(command: PackedStringArray) -> PackedStringArray:
	return command if _all.is_empty() else PackedStringArray(["taskset", "-c", _first]) + command


## The command that starts the process at the other end on its core.
static func far(command: PackedStringArray) -> PackedStringArray:
	return command if _all.is_empty() else PackedStringArray(["taskset", "-c", _last]) + command


# The id of the main thread is that of the process.
static func _thread() -> String:
	return str(OS.get_process_id())
