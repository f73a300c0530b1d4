extends RefCounted
## Counts the system calls of a script in its own process, with strace. The script marks the range
## to count by looking for files that do not exist: `/begin-NAME` and `/end-NAME`.

# The results of append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const EngineProcess := preload("res://tests/support/engine_process.gd")

## The calls on descriptors, and those on files, which include the marks.
const TRACED: String = ("trace=%file,%network,poll,ppoll,epoll_wait,epoll_pwait,epoll_ctl,"
		+ "ioctl,read,write,fcntl")


static func can_be_counted() -> bool:
	return EngineProcess.available() and OS.execute("strace", ["-V"]) == 0


## Runs `script` and returns the names of the calls between each pair of marks, on the thread that
## made the marks, and the script's output as "output". `trace` is the path of a file for strace.
static func count(script: String, arguments: PackedStringArray, trace: String) -> Dictionary:
	var strace: PackedStringArray = PackedStringArray(["strace", "-f", "-o", trace, "-e", TRACED])
	var counted: Dictionary = {"output": EngineProcess.run(script, arguments, {}, 0, strace)["output"]}
	var thread: String = ""
	var calls: Array[String] = []
	for line: String in FileAccess.get_file_as_string(trace).split("\n"):
		if line.contains("/begin-"):
			thread = line.get_slice(" ", 0)
			calls = []
		elif line.contains("/end-"):
			counted[line.get_slice("/end-", 1).get_slice("\"", 0)] = calls
			calls = []
		# A call that another thread interrupts is logged in two lines.
		elif line.begins_with(thread + " ") and not line.contains(" resumed>"):
			calls.append(line.trim_prefix(thread).strip_edges().get_slice("(", 0))
	return counted


## For the script: starts a range to count.
static func begin(name: String) -> void:
	FileAccess.file_exists("/begin-" + name)


## For the script: ends the range.
static func end(name: String) -> void:
	FileAccess.file_exists("/end-" + name)
