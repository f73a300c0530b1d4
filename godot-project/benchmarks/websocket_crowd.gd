extends RefCounted
## Many WebSockets of one family, as a server. Their clients are the plain program.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Family := preload("res://tests/support/family.gd")
const Plain := preload("res://benchmarks/plain.gd")
const Server := preload("res://benchmarks/server.gd")
const TypedScript := preload("res://benchmarks/typed_script.gd")

## How many clients connect at once: as many as the backlog of the engine's server holds.
const AT_ONCE: int = 8

## `websocket_loops.gd` for the family's class, with the WebSockets.
var loops: RefCounted
var _server: Server = Server.new()
var _far: Dictionary = {}


## Connects `count` WebSockets. Returns false after a failure.
func open(family: Family, count: int, are_for_big: bool = false) -> bool:
	loops = TypedScript.websockets(family)
	if _server.listen(family) != OK:
		return false
	_far = Plain.start_with_pipe(["websockets", _server.address()])
	if _far.is_empty():
		return false
	var opened: int = 0
	while opened < count:
		var next: int = mini(count - opened, AT_ONCE)
		order("connect %d" % next)
		for i: int in next:
			var stream: StreamPeer = _server.accept()
			if stream == null:
				return false
			# The clients make their handshakes one after the other.
			if loops.call(&"accept", stream, are_for_big) != OK or not _settle():
				return false
		if not is_done():
			return false
		opened += next
	return true


## Gives an order to the clients.
func order(words: String) -> void:
	var orders: FileAccess = _far["stdio"]
	orders.store_line(words)


## Waits until the last order was executed. Returns false if it was not.
func is_done() -> bool:
	var answers: FileAccess = _far["stdio"]
	return answers.get_line() == "done"


## Ends the clients.
func close() -> void:
	_server.stop()
	if _far.is_empty():
		return
	var process: int = _far["pid"]
	OS.kill(process)
	loops.set(&"peers", [])


func _settle() -> bool:
	var deadline: int = Time.get_ticks_msec() + Server.PATIENCE_MSEC
	while not loops.call(&"is_open"):
		if Time.get_ticks_msec() > deadline:
			return false
	return true
