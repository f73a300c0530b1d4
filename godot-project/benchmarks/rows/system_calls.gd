extends "res://benchmarks/row.gd"
## The system calls per small message, counted in a child process.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const SystemCalls := preload("res://tests/support/system_calls.gd")
const System := preload("res://tests/support/system.gd")

const MESSAGES: int = 160


func _init() -> void:
	names = ["system calls of get_string", "system calls of get_var",
			"system calls of put_string, coalesced", "system calls of put_var, coalesced"]
	if not SystemCalls.can_be_counted():
		needs = "strace"
		sides = []


static func all() -> Array:
	return [new()]


# The count is the same each time.
func rounds() -> int:
	return 1


func sample(side: String) -> PackedFloat64Array:
	var trace: String = OS.get_temp_dir().path_join(System.unique_name() + ".trace")
	var counts: Dictionary = SystemCalls.count("res://benchmarks/children/messages.gd",
			[side, str(MESSAGES)], trace)
	DirAccess.remove_absolute(trace)
	var calls: PackedFloat64Array = PackedFloat64Array()
	for name: String in ["get_string", "get_var", "put_string", "put_var"]:
		if not counts.has(name):
			problem = "not counted: " + counts["output"]
		var names_of_calls: Array = counts.get(name, [])
		var count: int = names_of_calls.size()
		calls.append(float(count) / MESSAGES)
	return calls
