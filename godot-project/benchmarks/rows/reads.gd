extends "res://benchmarks/call_row.gd"
## Calls that read received bytes. The typed ones are also made on a `StreamPeerBuffer`, which shows
## their cost on bytes in memory.

const BUFFER := "buffer"


static func all() -> Array:
	return [
		_typed("get_available_bytes, typed", &"get_available_bytes", 2000),
		_untyped("get_available_bytes, untyped", &"get_available_bytes", 2000),
		_typed("get_u8, typed", &"get_u8", 16384),
		_untyped("get_u8, untyped", &"get_u8", 16384),
		_typed("get_32, typed", &"get_32", 8192),
		_typed("get_string", &"get_string", 1000),
		_typed("get_var", &"get_var", 1000),
		_typed("get_u8, typed, Unix", &"get_u8", 16384, "uds"),
	]


static func _typed(name: String, loop: StringName, times: int, kind := "tcp") -> RefCounted:
	var row := new()
	row._use(name, loop, times, kind)
	row.sides.append(BUFFER)
	return row


static func _untyped(name: String, loop: StringName, times: int) -> RefCounted:
	return new()._use(name, loop, times, "tcp", false)


func _link(side: String) -> Link:
	if side != BUFFER:
		return super(side)
	var link := Link.new()
	link.client = StreamPeerBuffer.new()
	return link


func _loops_of(side: String) -> RefCounted:
	if side == BUFFER:
		return TypedScript.read_loops_of_buffer()
	return (TypedScript.read_loops(family_of(side), _kind) if _is_typed
			else TypedScript.untyped_read_loops())
