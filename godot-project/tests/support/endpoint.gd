extends RefCounted
## A listening server and its address, for TCP and Unix domain sockets alike.

const LOOPBACK := "127.0.0.1"

var family: RefCounted
var kind := ""
var host := LOOPBACK
var port := 0
var path := ""
var server: RefCounted
var _keeper: StreamPeer


## Listens on a port the kernel chooses, or on `socket_path`, with `server` if there is one already.
## Returns what `listen` returned.
func open(of_family: RefCounted, of_kind: String, socket_path: String,
		on_host := LOOPBACK) -> Error:
	family = of_family
	kind = of_kind
	host = on_host
	path = socket_path
	if server == null:
		server = family.server(kind)
	var error: Error = server.listen(0, host) if kind == "tcp" else server.listen(path)
	if kind == "tcp" and error == OK:
		port = server.get_local_port()
	return error


## Stops listening, and reserves the port so that no other process takes it. Connects to it are
## refused.
func stop() -> void:
	server.stop()
	if kind == "tcp":
		_keeper = ClassDB.instantiate("StreamPeerTCPRs")
		# Accepted connections reserve the port as well; this bind then fails.
		_keeper.bind(port, host)


## Listens again on the address of the first `open`.
func reopen() -> Error:
	_keeper = null
	return server.listen(port, host) if kind == "tcp" else server.listen(path)


## Starts connecting `peer` to this server.
func connect_peer(peer: StreamPeer) -> Error:
	return peer.connect_to_host(host, port) if kind == "tcp" else peer.connect_to_host(path)
