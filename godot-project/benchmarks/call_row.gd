extends "res://benchmarks/row.gd"
## A row that repeats a call on one connected pair: nanoseconds per call.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Link := preload("res://tests/support/link.gd")
const TypedScript := preload("res://benchmarks/typed_script.gd")

var _loop: StringName
var _times: int
var _kind: String
var _is_typed: bool
var _links: Dictionary = {}
var _loops: Dictionary = {}


func open() -> void:
	for side: String in sides:
		_links[side] = _link(side)
		if _links[side] == null:
			problem = side + ": no connection"
		_loops[side] = _loops_of(side)


func sample(side: String) -> PackedFloat64Array:
	var link: Link = _links[side]
	var loops: RefCounted = _loops[side]
	var usec: int = 0
	var calls: int = 0
	while usec == 0 or usec < scale.sample_usec:
		usec += loops.call(_loop, link.client, link.served, _times)
		calls += _times
	return [usec * 1000.0 / calls]


func close() -> void:
	for link: Link in _links.values():
		if link != null and link.endpoint != null:
			link.endpoint.server.call(&"stop")


## Makes this the row of a loop. `times` is the number of calls in one run of the loop.
func _use(name: String, loop: StringName, times: int, kind: String = "tcp",
		is_typed: bool = true) -> RefCounted:
	names = [name]
	_loop = loop
	_times = times
	_kind = kind
	_is_typed = is_typed
	need_kind(kind)
	return self


# A connected pair of a side.
func _link(side: String) -> Link:
	var server: Server = Server.new()
	server.listen(family_of(side), _kind)
	return server.pair()


# The object with the loop.
func _loops_of(_side: String) -> RefCounted:
	return null
