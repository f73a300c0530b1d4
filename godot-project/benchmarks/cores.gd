extends RefCounted
## Keeps the two processes of a stream on two cores. Left to the system they are on one core or on
## two, which differs by several times in speed, and changes while it is measured. Without taskset,
## or with one core, nothing is kept.

## The cores of this process, as taskset lists them, while they are reduced to one; empty otherwise.
static var _all := ""
static var _first := ""
static var _last := ""


## From now on, this thread, `near` and `far` keep to their cores.
static func separate() -> void:
	var output := []
	if not OS.has_feature("linux") or OS.execute("taskset", ["-cp", _thread()], output) != 0:
		return
	# It says "pid 123's current affinity list: 0-3,5".
	var cores: String = output[0].get_slice("list: ", 1).strip_edges()
	var numbers := cores.replace("-", ",").split(",")
	if numbers.size() > 1:
		_all = cores
		_first = numbers[0]
		_last = numbers[-1]
		OS.execute("taskset", ["-cp", _first, _thread()])


## Nothing is kept any more.
static func release() -> void:
	if not _all.is_empty():
		OS.execute("taskset", ["-cp", _all, _thread()])
		_all = ""


## The command for a process in this one's place.
static func near(command: PackedStringArray) -> PackedStringArray:
	return command if _all.is_empty() else PackedStringArray(["taskset", "-c", _first]) + command


## The command for the process at the other end.
static func far(command: PackedStringArray) -> PackedStringArray:
	return command if _all.is_empty() else PackedStringArray(["taskset", "-c", _last]) + command


# The main thread has the number of the process.
static func _thread() -> String:
	return str(OS.get_process_id())
