extends "res://tests/support/test_case.gd"
## What calls cost, in system calls: unlike a time, their number is the same on every machine.

const EngineProcess := preload("res://tests/support/engine_process.gd")

## How often `children/count_calls.gd` does each thing.
const TIMES := 100


func test_a_hundred_small_reads() -> void:
	_expect("typed-reads", TIMES / 10)


func test_a_hundred_variants_in_one_send() -> void:
	_expect("variants", TIMES / 10)


func test_polling_an_idle_peer_and_asking_what_is_available() -> void:
	# One for both, or one each where they are torn apart: by the tracer, or by a busy machine.
	_expect("idle-peer", TIMES * 5 / 2)


func test_polling_many_idle_peers_and_asking_what_is_available() -> void:
	_expect("idle-peers", TIMES * 5 / 2)


# Checks that between the marks of `name` there are at most `limit` system calls on descriptors.
func _expect(name: String, limit: int) -> void:
	if not EngineProcess.available() or OS.execute("strace", ["-V"]) != 0:
		return skip("counting system calls takes Linux and strace")
	var trace := fresh_path("trace")
	var options := PackedStringArray(["strace", "-f", "-o", trace, "-e", "trace=%file,%network,poll,ppoll,ioctl,read,write"])
	var result := EngineProcess.run("children/count_calls.gd", [family.name], {}, 0, options)
	var count := -1
	var thread := ""
	for line in FileAccess.get_file_as_string(trace).split("\n"):
		if line.contains("/begin-%s\"" % name):
			thread = line.get_slice(" ", 0)
			count = 0
		elif line.contains("/end-%s\"" % name):
			check(count <= limit, "%s: %d system calls, at most %d wanted" % [name, count, limit])
			return
		elif not thread.is_empty() and line.begins_with(thread + " ") and not line.contains("/begin-"):
			count += 1
	check(false, "the trace has no %s; the process said: %s" % [name, result["output"]])
