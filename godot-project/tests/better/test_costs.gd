extends "res://tests/support/test_case.gd"
## What calls cost, in system calls: unlike a time, their number is the same on every machine.
##
## A limit that depends on how fast the calls follow each other is two to three times what was counted.

const EngineProcess := preload("res://tests/support/engine_process.gd")
const Calls := preload("res://tests/children/count_calls.gd")

## With this variable sockets are not watched, and each peer asks the system itself.
const DIRECT := "STREAM_SOCKET_DIRECT"
const TRACED := "trace=%file,%network,poll,ppoll,epoll_wait,epoll_pwait,epoll_ctl,ioctl,read,write,fcntl"

## A message that has come is received at once. Whoever waits for it may have received it already.
const ONE_MESSAGE := 3


func test_a_hundred_small_reads() -> void:
	_expect("typed-reads", ONE_MESSAGE)


func test_a_hundred_numbers() -> void:
	_expect("number-reads", ONE_MESSAGE)


func test_a_hundred_small_variants() -> void:
	_expect("variant-reads", ONE_MESSAGE)


func test_a_hundred_short_strings() -> void:
	_expect("string-reads", ONE_MESSAGE)


func test_a_hundred_variants_in_one_send() -> void:
	# The send, and the look of the poll.
	_expect("variants", 4)


func test_polling_an_idle_peer() -> void:
	_expect("polls", Calls.TIMES * 10 + 10)


func test_polling_an_idle_peer_and_asking_what_is_available() -> void:
	if _is_watching():
		# One for both, or one each where they are torn apart.
		_expect("idle-peer", Calls.TIMES * 2)


func test_polling_many_idle_peers_and_asking_what_is_available() -> void:
	if _is_watching():
		# What one has learned of all counts for the next 10 to 20 microseconds.
		_expect("idle-peers", Calls.MANY * Calls.FRAMES / 16)


func test_polling_an_idle_group() -> void:
	if _is_watching():
		_expect("idle-group", Calls.GROUP_FRAMES * 2)


func test_connecting_and_accepting() -> void:
	_expect("connects", Calls.TIMES * 10)


func test_connecting_and_accepting_sets_no_flags_one_by_one() -> void:
	_expect("connects", 0, "fcntl")


# Whether sockets are watched. Skips the test if not.
func _is_watching() -> bool:
	if OS.has_environment(DIRECT):
		skip("sockets are not watched")
	return not OS.has_environment(DIRECT)


# Checks that between the marks of `name` there are at most `limit` system calls on descriptors, or those named `only`.
func _expect(name: String, limit: int, only := "") -> void:
	if not EngineProcess.available() or OS.execute("strace", ["-V"]) != 0:
		return skip("counting system calls takes Linux and strace")
	var trace := fresh_path("trace")
	var options := PackedStringArray(["strace", "-f", "-o", trace, "-e", TRACED])
	var result := EngineProcess.run("children/count_calls.gd", [family.name, name], {}, 0, options)
	var count := -1
	var thread := ""
	for line in FileAccess.get_file_as_string(trace).split("\n"):
		if line.contains("/begin-%s\"" % name):
			thread = line.get_slice(" ", 0)
			count = 0
		elif line.contains("/end-%s\"" % name):
			var what := "system calls" if only.is_empty() else only
			check(count <= limit, "%s: %d %s, at most %d wanted" % [name, count, what, limit])
			return
		elif not thread.is_empty() and line.begins_with(thread + " ") and _counts(line, only):
			count += 1
	check(false, "the trace has no %s; the process said: %s" % [name, result["output"]])


# Whether `line` of a trace is the beginning of a call; one that another thread interrupts takes two lines.
func _counts(line: String, only: String) -> bool:
	return not line.contains("/begin-") and not line.contains(" resumed>") and (only.is_empty() or line.contains(" %s(" % only))
