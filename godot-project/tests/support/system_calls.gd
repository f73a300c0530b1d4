extends RefCounted
## Counts the system calls of a script in a process of its own, with strace. The script marks what
## is to be counted by looking for files that do not exist: `/begin-NAME` and `/end-NAME`.

const EngineProcess := preload("res://tests/support/engine_process.gd")

## The calls on descriptors, and those on files, which the marks are.
const TRACED := "trace=%file,%network,poll,ppoll,epoll_wait,epoll_pwait,epoll_ctl,ioctl,read,write,fcntl"


static func can_be_counted() -> bool:
	return EngineProcess.available() and OS.execute("strace", ["-V"]) == 0


## Runs `script` and returns for each name the calls on its thread, as an array of their names, and
## under "output" what it printed. `trace` is the path of a file for strace.
static func count(script: String, arguments: PackedStringArray, trace: String) -> Dictionary:
	var strace := PackedStringArray(["strace", "-f", "-o", trace, "-e", TRACED])
	var counted := {"output": EngineProcess.run(script, arguments, {}, 0, strace)["output"]}
	var thread := ""
	var calls: Array[String] = []
	for line in FileAccess.get_file_as_string(trace).split("\n"):
		if line.contains("/begin-"):
			thread = line.get_slice(" ", 0)
			calls = []
		elif line.contains("/end-"):
			counted[line.get_slice("/end-", 1).get_slice("\"", 0)] = calls
			calls = []
		# A call that another thread interrupts takes two lines.
		elif line.begins_with(thread + " ") and not line.contains(" resumed>"):
			calls.append(line.trim_prefix(thread).strip_edges().get_slice("(", 0))
	return counted


## For the script: what follows is counted.
static func begin(name: String) -> void:
	FileAccess.file_exists("/begin-" + name)


## For the script: it ends here.
static func end(name: String) -> void:
	FileAccess.file_exists("/end-" + name)
