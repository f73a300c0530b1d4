extends "res://benchmarks/call_row.gd"
## Calls that do not read.


static func all() -> Array:
	return [
		new()._use("get_status, typed", &"get_status", 20000),
		new()._use("get_status, untyped", &"get_status", 20000, "tcp", false),
		new()._use("poll, idle", &"poll", 2000),
		new()._use("put_u8", &"put_u8", 1000),
		new()._use("put_string", &"put_string", 1000),
		new()._use("put_var", &"put_var", 1000),
		new()._use("put_string, coalesced", &"put_string_coalesced", 960),
		new()._use("put_var, coalesced", &"put_var_coalesced", 960),
		new()._use("32 small puts as one message, coalesced", &"put_32_coalesced", 30),
		new()._use("poll, idle, Unix", &"poll", 2000, "uds"),
	]


func _loops_of(side: String) -> RefCounted:
	return TypedScript.loops(family_of(side), _kind) if _is_typed else TypedScript.untyped_loops()
