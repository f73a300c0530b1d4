extends "res://tests/support/test_case.gd"
## The number of system calls, which unlike a time is the same on every machine. Where the count
## depends on the speed of the machine, the limit is two to three times the usual count.

const SystemCalls := preload("res://tests/support/system_calls.gd")
const Calls := preload("res://tests/children/count_calls.gd")

## With this environment variable there is no shared poll, and each peer asks the system itself.
const DIRECT := "STREAM_SOCKET_DIRECT"

## System calls to receive one message. The wait for it may have received it already.
const ONE_MESSAGE := 3


func test_a_hundred_small_reads_take_few_system_calls() -> void:
	_expect("typed-reads", ONE_MESSAGE)


func test_a_hundred_numbers_take_few_system_calls() -> void:
	_expect("number-reads", ONE_MESSAGE)


func test_a_hundred_small_variants_take_few_system_calls() -> void:
	_expect("variant-reads", ONE_MESSAGE)


func test_a_hundred_short_strings_take_few_system_calls() -> void:
	_expect("string-reads", ONE_MESSAGE)


func test_a_hundred_coalesced_variants_take_one_send() -> void:
	# One send, and the calls of the poll.
	_expect("variants", 4)


func test_a_websocket_message_and_its_answer_take_a_system_call_each() -> void:
	# Some more are those of the shared poll.
	_expect("echoes", Calls.WEBSOCKETS * 5 / 2)


func test_polling_an_idle_peer_takes_few_system_calls() -> void:
	_expect("polls", Calls.TIMES * 10 + 10)


func test_poll_and_available_bytes_of_an_idle_peer_share_a_system_call() -> void:
	if _is_watching():
		# One call for both, or one each when a delay separates them.
		_expect("idle-peer", Calls.TIMES * 2)


func test_polling_many_idle_peers_shares_system_calls() -> void:
	if _is_watching():
		# A shared poll covers all peers for a moment. Without it, each peer would take one or two
		# calls.
		_expect("idle-peers", Calls.MANY * Calls.FRAMES / 2)


func test_polling_an_idle_group_takes_few_system_calls() -> void:
	if _is_watching():
		_expect("idle-group", Calls.GROUP_FRAMES * 2)


func test_connect_and_accept_take_few_system_calls() -> void:
	_expect("connects", Calls.TIMES * 10)


func test_connect_and_accept_take_no_fcntl() -> void:
	_expect("connects", 0, "fcntl")


# Whether there is a shared poll. Skips the test if not.
func _is_watching() -> bool:
	if OS.has_environment(DIRECT):
		skip("there is no shared poll")
	return not OS.has_environment(DIRECT)


# Checks that the case `name` takes at most `limit` system calls, or calls named `only` if that is
# given.
func _expect(name: String, limit: int, only := "") -> void:
	if not SystemCalls.can_be_counted():
		return skip("counting system calls needs Linux and strace")
	var counted := SystemCalls.count("children/count_calls.gd", [family.name, name],
			fresh_path("trace"))
	if not check(counted.has(name), "a count of %s: %s" % [name, counted["output"]]):
		return
	var calls: Array = counted[name]
	var count := calls.size() if only.is_empty() else calls.count(only)
	check(count <= limit, "%s: %d system calls %s, at most %d wanted" % [name, count, only, limit])
