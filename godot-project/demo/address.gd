extends RefCounted
## An address as a user types it: `localhost:4000`, `[::1]:4000`, or the path of a Unix domain
## socket, which contains a slash.

# This script itself, as a type.
const Address := preload("res://demo/address.gd")

var host: String = ""
var port: int = 0
var path: String = ""


## Parses [param text]. Returns null if it is not an address.
static func parse(text: String) -> Address:
	var address: Address = new()
	text = text.strip_edges()
	if text.contains("/"):
		address.path = text
		return address
	var colon: int = text.rfind(":")
	var number: String = text.substr(colon + 1)
	if colon < 1 or not number.is_valid_int() or number.to_int() < 0 or number.to_int() > 65535:
		return null
	address.host = text.left(colon).trim_prefix("[").trim_suffix("]")
	address.port = number.to_int()
	return address


## A new peer of the class for this address.
func new_peer() -> StreamPeerSocketRs:
	if path.is_empty():
		return StreamPeerTCPRs.new()
	return StreamPeerUDSRs.new()


func connect_peer(peer: StreamPeerSocketRs) -> Error:
	if peer is StreamPeerTCPRs:
		return (peer as StreamPeerTCPRs).connect_to_host(host, port)
	return (peer as StreamPeerUDSRs).connect_to_host(path)


## Returns a server that listens at this address. After a failure it calls [param problem] with the
## reason, and returns null.
func listen(problem: Callable) -> SocketServerRs:
	var server: SocketServerRs
	var error: Error = OK
	if path.is_empty():
		server = TCPServerRs.new()
		error = (server as TCPServerRs).listen(port, host)
	else:
		server = UDSServerRs.new()
		error = (server as UDSServerRs).listen(path)
	if error == OK:
		return server
	problem.call(server.get_last_error_message())
	return null
