extends "res://benchmarks/row.gd"
## A call on one connected pair, many times over: nanoseconds for each.

const Link := preload("res://tests/support/link.gd")
const TypedScript := preload("res://benchmarks/typed_script.gd")

var _loop: StringName
var _times: int
var _kind: String
var _is_typed: bool
var _links := {}
var _loops := {}


static func all() -> Array:
	return [
		_row("get_status, typed", &"get_status", 20000),
		_row("get_status, untyped", &"get_status", 20000, "tcp", false),
		_row("poll, idle", &"poll", 2000),
		_row("get_available_bytes, typed", &"get_available_bytes", 2000),
		_row("get_available_bytes, untyped", &"get_available_bytes", 2000, "tcp", false),
		_row("get_u8, typed", &"get_u8", 16384),
		_row("get_u8, untyped", &"get_u8", 16384, "tcp", false),
		_row("get_32, typed", &"get_32", 8192),
		_row("get_string", &"get_string", 1000),
		_row("get_var", &"get_var", 1000),
		_row("put_u8", &"put_u8", 1000),
		_row("put_string", &"put_string", 1000),
		_row("put_var", &"put_var", 1000),
		_row("put_string, coalesced", &"put_string_coalesced", 960),
		_row("put_var, coalesced", &"put_var_coalesced", 960),
		_row("32 small puts as one message, coalesced", &"put_32_coalesced", 30),
		_row("poll, idle, Unix", &"poll", 2000, "uds"),
		_row("get_u8, typed, Unix", &"get_u8", 16384, "uds"),
	]


# `times` is how often one run of the loop does it.
static func _row(name: String, loop: StringName, times: int, kind := "tcp", is_typed := true) -> RefCounted:
	var row := new()
	row.names = [name]
	row._loop = loop
	row._times = times
	row._kind = kind
	row._is_typed = is_typed
	row.need_kind(kind)
	return row


func open() -> void:
	for side in sides:
		var family := family_of(side)
		var server := Server.new()
		server.listen(family, _kind)
		_links[side] = server.pair()
		if _links[side] == null:
			problem = side + ": no connection"
		_loops[side] = TypedScript.loops(family, _kind) if _is_typed else TypedScript.untyped_loops()


func sample(side: String) -> PackedFloat64Array:
	var link: Link = _links[side]
	var usec := 0
	var calls := 0
	while usec == 0 or usec < scale.sample_usec:
		usec += _loops[side].call(_loop, link.client, link.served, _times)
		calls += _times
	return [usec * 1000.0 / calls]


func close() -> void:
	for link: Link in _links.values():
		if link != null:
			link.endpoint.server.stop()
