extends SceneTree
## Reads and writes small messages, with marks for `system_calls.gd`. Arguments: the family, and the
## number of messages of each kind.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Link := preload("res://tests/support/link.gd")
const Loops := preload("res://benchmarks/loops.gd")
const Row := preload("res://benchmarks/row.gd")
const Server := preload("res://benchmarks/server.gd")
const SystemCalls := preload("res://tests/support/system_calls.gd")

var _near: StreamPeer
var _far: StreamPeer
var _count: int


func _initialize() -> void:
	var arguments: PackedStringArray = OS.get_cmdline_user_args()
	_count = arguments[1].to_int()
	var server: Server = Server.new()
	server.listen(Row.family_of(arguments[0]))
	var link: Link = server.pair()
	_near = link.client
	_far = link.served
	_read("get_string", func(sent: StreamPeer) -> void: sent.put_string(Loops.TEXT))
	_read("get_var", func(sent: StreamPeer) -> void: sent.put_var(Loops.VALUE))
	_near.set("coalesce_writes", true)
	_write("put_string", Loops.TEXT)
	_write("put_var", Loops.VALUE)
	quit()


# Calls a method that reads one message, once for each received message.
func _read(method: StringName, put: Callable) -> void:
	var sent: StreamPeerBuffer = StreamPeerBuffer.new()
	for i: int in _count:
		put.call(sent)
	_far.put_data(sent.data_array)
	SystemCalls.begin(method)
	for i: int in _count:
		_near.call(method)
	SystemCalls.end(method)


# Calls a method that writes one message, 16 times between two polls, as the timed loops do.
func _write(method: StringName, message: Variant) -> void:
	SystemCalls.begin(method)
	@warning_ignore("integer_division")
	for batch: int in _count / 16:
		for i: int in 16:
			_near.call(method, message)
		_near.call(&"poll")
	SystemCalls.end(method)
