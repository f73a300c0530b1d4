extends RefCounted
## Counts the system calls of a script in a process of its own, with strace. The script marks what is to be counted by
## looking for files that do not exist: `/begin-NAME` and `/end-NAME`.

const EngineProcess := preload("res://tests/support/engine_process.gd")

## The calls on descriptors, and those on files, which the marks are.
const TRACED := "trace=%file,%network,poll,ppoll,ioctl,read,write"


static func can_be_counted() -> bool:
	return EngineProcess.available() and OS.execute("strace", ["-V"]) == 0


## Runs `script` and returns the number of calls on its thread for each name, and under "output" what it printed. `trace`
## is the path of a file for strace.
static func count(script: String, arguments: PackedStringArray, trace: String) -> Dictionary:
	var strace := PackedStringArray(["strace", "-f", "-o", trace, "-e", TRACED])
	var counts := {"output": EngineProcess.run(script, arguments, {}, 0, strace)["output"]}
	var thread := ""
	var calls := 0
	for line in FileAccess.get_file_as_string(trace).split("\n"):
		if line.contains("/begin-"):
			thread = line.get_slice(" ", 0)
			calls = 0
		elif line.contains("/end-"):
			counts[line.get_slice("/end-", 1).get_slice("\"", 0)] = calls
		elif line.begins_with(thread + " "):
			calls += 1
	return counts


## For the script: what follows is counted.
static func begin(name: String) -> void:
	FileAccess.file_exists("/begin-" + name)


## For the script: it ends here.
static func end(name: String) -> void:
	FileAccess.file_exists("/end-" + name)
