extends "res://tests/support/test_case.gd"
## What calls cost, in system calls: unlike a time, their number is the same on every machine.
##
## A limit that depends on how fast the calls follow each other is two to three times what was
## counted.

const SystemCalls := preload("res://tests/support/system_calls.gd")
const Calls := preload("res://tests/children/count_calls.gd")

## With this variable sockets are not watched, and each peer asks the system itself.
const DIRECT := "STREAM_SOCKET_DIRECT"

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
		# What one has learned of all serves the others for a moment. One for each peer, or two, is what
		# it would be without.
		_expect("idle-peers", Calls.MANY * Calls.FRAMES / 2)


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


# Checks that `name` takes at most `limit` system calls, or of those that are called `only`.
func _expect(name: String, limit: int, only := "") -> void:
	if not SystemCalls.can_be_counted():
		return skip("counting system calls takes Linux and strace")
	var counted := SystemCalls.count("children/count_calls.gd", [family.name, name],
			fresh_path("trace"))
	if not check(counted.has(name), "%s was counted: %s" % [name, counted["output"]]):
		return
	var calls: Array = counted[name]
	var count := calls.size() if only.is_empty() else calls.count(only)
	check(count <= limit, "%s: %d system calls %s, at most %d wanted" % [name, count, only, limit])
