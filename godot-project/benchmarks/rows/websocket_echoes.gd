extends "res://benchmarks/rate_row.gd"
## Messages per second that a server of WebSockets sends back: the engine's, ours, and `ws` of
## Node.js.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Descriptors := preload("res://benchmarks/descriptors.gd")
const TypedScript := preload("res://benchmarks/typed_script.gd")

const CLIENTS: int = 500
const MESSAGE_SIZE: int = 32
## How many messages a client sends.
const MESSAGES: int = 20
## How many frames are served before the row looks whether the clients have ended.
const FRAMES: int = 10

const NODE_SERVER: String = ("const all = new (require('ws').WebSocketServer)"
		+ "({host: '127.0.0.1', port: 0}, () => console.log(all.address().port));"
		+ "all.on('connection', it => { it.on('message', data => it.send(data));"
		+ "it.on('error', () => 0); });")


func _init() -> void:
	names = ["WebSocket echoes, 500 clients"]
	sides = ["engine", "ours", "node"]
	need_node("ws of Node.js", "require('ws')")


static func all() -> Array:
	return [new()]


func sample(side: String) -> PackedFloat64Array:
	var count: int = mini(CLIENTS, mini(scale.most_sockets, Descriptors.for_sockets()))
	var arguments: PackedStringArray = [str(count), str(MESSAGES), str(MESSAGE_SIZE)]
	if side == "node":
		return [rate_of_node(NODE_SERVER, "echoes", arguments)]
	var server: Server = Server.new()
	if server.listen(family_of(side)) != OK:
		problem = "no server"
		return [NAN]
	var loops: RefCounted = TypedScript.websockets(family_of(side))
	var listener: RefCounted = server.listener()
	var serve: Callable = func() -> void:
		while listener.call(&"is_connection_available"):
			loops.call(&"accept", listener.call(&"take_connection"), false)
		for i: int in FRAMES:
			loops.call(&"echo")
	var port: int = listener.call(&"get_local_port")
	var measured: float = rate(port, serve, "echoes", arguments)
	server.stop()
	loops.set(&"peers", [])
	return [measured]
