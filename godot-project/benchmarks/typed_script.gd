extends RefCounted
## Rewrites a script for `StreamPeerTCP` for another class, or for untyped variables. The time of a
## call depends on the static type that the script knows.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Family := preload("res://tests/support/family.gd")

const LOOPS: String = "res://benchmarks/loops.gd"
const READ_LOOPS: String = "res://benchmarks/read_loops.gd"
const CONNECTS: String = "res://benchmarks/connects.gd"
const LOBBY: String = "res://benchmarks/lobby_loop.gd"
const REDIS: String = "res://benchmarks/redis_loop.gd"
const WEBSOCKETS: String = "res://benchmarks/websocket_loops.gd"
const PEER: String = "StreamPeerTCP"
const SERVER: String = "TCPServer"


## `loops.gd` for a kind of peer of `family`.
static func loops(family: Family, kind: String = "tcp") -> RefCounted:
	return _typed(LOOPS, _peer(family, kind))


## `loops.gd` with variables of any type.
static func untyped_loops() -> RefCounted:
	return _untyped(LOOPS)


## `read_loops.gd` for a kind of peer of `family`.
static func read_loops(family: Family, kind: String = "tcp") -> RefCounted:
	return _typed(READ_LOOPS, _peer(family, kind))


## `read_loops.gd` for the engine's peer that reads from memory.
static func read_loops_of_buffer() -> RefCounted:
	return _typed(READ_LOOPS, "StreamPeerBuffer")


## `read_loops.gd` with variables of any type.
static func untyped_read_loops() -> RefCounted:
	return _untyped(READ_LOOPS)


## `connects.gd` for the TCP classes of `family`.
static func connects(family: Family) -> RefCounted:
	return _of_tcp(CONNECTS, family)


## `redis_loop.gd` for the TCP classes of `family`.
static func redis(family: Family) -> RefCounted:
	return _of_tcp(REDIS, family)


## `lobby_loop.gd` for the TCP classes of `family`.
static func lobby(family: Family) -> RefCounted:
	return _of_tcp(LOBBY, family)


## `websocket_loops.gd` for the WebSockets of `family`.
static func websockets(family: Family) -> RefCounted:
	var websocket: String = "WebSocketPeer"
	return _make(_source(WEBSOCKETS).replace(websocket, family.class_of(websocket)))


static func _peer(family: Family, kind: String) -> String:
	return family.class_of(PEER if kind == "tcp" else "StreamPeerUDS")


static func _of_tcp(path: String, family: Family) -> RefCounted:
	return _make(_source(path).replace(PEER, family.class_of(PEER)).replace(SERVER,
			family.class_of(SERVER)))


static func _typed(path: String, peer: String) -> RefCounted:
	return _make(_source(path).replace(PEER, peer))


static func _untyped(path: String) -> RefCounted:
	return _make(_source(path).replace("Array[%s]" % PEER, "Array").replace(": " + PEER, ""))


static func _source(path: String) -> String:
	return (load(path) as GDScript).source_code


static func _make(source: String) -> RefCounted:
	var script: GDScript = GDScript.new()
	script.source_code = source
	script.reload()
	return script.new()
