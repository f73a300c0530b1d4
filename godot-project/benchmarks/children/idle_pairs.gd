extends SceneTree
## Prints the memory that idle pairs of connected peers take. Arguments: the family, the number of
## pairs, and their kind: "streams" or "websockets".

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Family := preload("res://tests/support/family.gd")
const Link := preload("res://tests/support/link.gd")
const Row := preload("res://benchmarks/row.gd")
const Server := preload("res://benchmarks/server.gd")

## Warm-up pairs, so that one-time allocations are not counted.
const WARM_UP: int = 20

var _family: Family
var _server: Server = Server.new()
var _are_websockets: bool
var _links: Array[Link] = []
## Two for each link, if they are WebSockets.
var _websockets: Array[PacketPeer] = []


func _initialize() -> void:
	var arguments: PackedStringArray = OS.get_cmdline_user_args()
	_family = Row.family_of(arguments[0])
	var count: int = arguments[1].to_int()
	_are_websockets = arguments[2] == "websockets"
	_server.listen(_family)
	# The lists are resized before the measurement.
	_links.resize(WARM_UP + count)
	_websockets.resize(2 * (WARM_UP + count))
	var is_complete: bool = _make(0, WARM_UP)
	var before: int = _resident_bytes()
	is_complete = _make(WARM_UP, count) and is_complete
	print("bytes per pair: ", float(_resident_bytes() - before) / count)
	_websockets.clear()
	_links.clear()
	quit(0 if is_complete else 1)


func _make(first: int, count: int) -> bool:
	for i: int in range(first, first + count):
		if not (_make_websockets(i) if _are_websockets else _make_streams(i)):
			return false
	return true


func _make_streams(i: int) -> bool:
	_links[i] = _server.pair()
	return _links[i] != null


# Our WebSockets take both ends of a pair of streams. The engine's client takes no stream, and makes
# its own.
func _make_websockets(i: int) -> bool:
	var websocket: String = _family.class_of("WebSocketPeer")
	var client: PacketPeer = ClassDB.instantiate(websocket)
	var served: PacketPeer = ClassDB.instantiate(websocket)
	_websockets[2 * i] = client
	_websockets[2 * i + 1] = served
	var url: String = _server.address().replace("tcp:", "ws://")
	if client.has_method(&"connect_to_stream"):
		if not _make_streams(i):
			return false
		client.call(&"connect_to_stream", _links[i].client, url)
	else:
		client.call(&"connect_to_url", url)
		_links[i] = Link.new()
		_links[i].served = _server.accept()
	return (served.call(&"accept_stream", _links[i].served) == OK
			and _until_open(client, served))


func _until_open(client: PacketPeer, served: PacketPeer) -> bool:
	var deadline: int = Time.get_ticks_msec() + Server.PATIENCE_MSEC
	while Time.get_ticks_msec() < deadline:
		client.call(&"poll")
		served.call(&"poll")
		if _is_open(client) and _is_open(served):
			return true
	return false


func _is_open(websocket: PacketPeer) -> bool:
	return websocket.call(&"get_ready_state") == WebSocketPeer.STATE_OPEN


# proc_pid_status(5). Its line is "VmRSS:     1234 kB".
func _resident_bytes() -> int:
	var status: FileAccess = FileAccess.open("/proc/self/status", FileAccess.READ)
	while not status.eof_reached():
		var line: String = status.get_line()
		if line.begins_with("VmRSS:"):
			return line.to_int() * 1024
	return 0
