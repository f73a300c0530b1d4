extends "res://tests/support/test_case.gd"
## What calls cost, in system calls: unlike a time, their number is the same on every machine.

const SystemCalls := preload("res://tests/support/system_calls.gd")

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
	if not SystemCalls.can_be_counted():
		return skip("counting system calls takes Linux and strace")
	var counts := SystemCalls.count("children/count_calls.gd", [family.name], fresh_path("trace"))
	var count: int = counts.get(name, -1)
	check(count >= 0, "%s was counted: %s" % [name, counts["output"]])
	check(count <= limit, "%s: %d system calls, at most %d wanted" % [name, count, limit])
