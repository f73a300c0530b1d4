extends RefCounted
## A server on a fresh loopback address. All waits are bounded; after a timeout the result is null.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Endpoint := preload("res://tests/support/endpoint.gd")
const Family := preload("res://tests/support/family.gd")
const Link := preload("res://tests/support/link.gd")
const System := preload("res://tests/support/system.gd")

const STATUS_CONNECTING: int = 1
const PATIENCE_MSEC: int = 20000

var _endpoint: Endpoint = Endpoint.new()


func listen(family: Family, kind: String = "tcp") -> Error:
	var path: String = OS.get_temp_dir().path_join(System.unique_name())
	return _endpoint.open(family, kind, path)


## The listening server itself.
func listener() -> RefCounted:
	return _endpoint.server


## The address for the plain program.
func address() -> String:
	if _endpoint.kind == "tcp":
		return "tcp:%s:%d" % [_endpoint.host, _endpoint.port]
	return "unix:" + _endpoint.path


## Accepts the next connection.
func accept() -> StreamPeer:
	var deadline: int = Time.get_ticks_msec() + PATIENCE_MSEC
	while not _endpoint.server.call(&"is_connection_available"):
		if Time.get_ticks_msec() > deadline:
			return null
	return _endpoint.server.call(&"take_connection")


## Both ends of a new connection.
func pair() -> Link:
	var link: Link = Link.new()
	link.endpoint = _endpoint
	link.client = _endpoint.family.peer(_endpoint.kind)
	if _endpoint.connect_peer(link.client) != OK:
		return null
	link.served = accept()
	return link if link.served != null and settle(link.client) else null


## Polls until a peer is connected. Returns false after a failure.
static func settle(peer: StreamPeer) -> bool:
	var deadline: int = Time.get_ticks_msec() + PATIENCE_MSEC
	while peer.call(&"get_status") == STATUS_CONNECTING and Time.get_ticks_msec() < deadline:
		peer.call(&"poll")
	return peer.call(&"get_status") == STATUS_CONNECTING + 1


func stop() -> void:
	_endpoint.server.call(&"stop")
