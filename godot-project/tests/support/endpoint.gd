extends RefCounted
## A listening server and its address, for TCP and Unix domain sockets alike.

const Family := preload("res://tests/support/family.gd")

const LOOPBACK: String = "127.0.0.1"

var family: Family
var kind: String = ""
var host: String = LOOPBACK
var port: int = 0
var path: String = ""
var server: RefCounted
var _keeper: StreamPeer


## Listens on a port the kernel chooses, or on `socket_path`, with `server` if there is one already.
## Returns what `listen` returned.
func open(of_family: RefCounted, of_kind: String, socket_path: String,
		on_host: String = LOOPBACK) -> Error:
	family = of_family
	kind = of_kind
	host = on_host
	path = socket_path
	if server == null:
		server = family.server(kind)
	var error: Error = _listen(0)
	if kind == "tcp" and error == OK:
		port = server.call(&"get_local_port")
	return error


## Stops listening, and reserves the port so that no other process takes it. Connects to it are
## refused.
func stop() -> void:
	server.call(&"stop")
	if kind == "tcp":
		_keeper = ClassDB.instantiate("StreamPeerTCPRs")
		# Accepted connections reserve the port as well; this bind then fails.
		_keeper.call(&"bind", port, host)


## Listens again on the address of the first `open`.
func reopen() -> Error:
	_keeper = null
	return _listen(port)


## Starts connecting `peer` to this server.
func connect_peer(peer: StreamPeer) -> Error:
	if kind == "tcp":
		return peer.call(&"connect_to_host", host, port)
	return peer.call(&"connect_to_host", path)


func _listen(on_port: int) -> Error:
	if kind == "tcp":
		return server.call(&"listen", on_port, host)
	return server.call(&"listen", path)
