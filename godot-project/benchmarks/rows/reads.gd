extends "res://benchmarks/call_row.gd"
## Calls that read received bytes. The typed ones are also made on a `StreamPeerBuffer`, which shows
## their cost on bytes in memory.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const BUFFER: String = "buffer"


static func all() -> Array:
	return [
		new()._also_buffer("get_available_bytes, typed", &"get_available_bytes", 2000),
		new()._use("get_available_bytes, untyped", &"get_available_bytes", 2000, "tcp", false),
		new()._also_buffer("get_u8, typed", &"get_u8", 16384),
		new()._use("get_u8, untyped", &"get_u8", 16384, "tcp", false),
		new()._also_buffer("get_32, typed", &"get_32", 8192),
		new()._also_buffer("get_string", &"get_string", 1000),
		new()._also_buffer("get_var", &"get_var", 1000),
		new()._also_buffer("get_u8, typed, Unix", &"get_u8", 16384, "uds"),
	]


# The row of a loop that is also measured on a `StreamPeerBuffer`.
func _also_buffer(name: String, loop: StringName, times: int, kind: String = "tcp") -> RefCounted:
	sides.append(BUFFER)
	return _use(name, loop, times, kind)


func _link(side: String) -> Link:
	if side != BUFFER:
		return super(side)
	var link: Link = Link.new()
	link.client = StreamPeerBuffer.new()
	return link


func _loops_of(side: String) -> RefCounted:
	if side == BUFFER:
		return TypedScript.read_loops_of_buffer()
	return (TypedScript.read_loops(family_of(side), _kind) if _is_typed
			else TypedScript.untyped_read_loops())
