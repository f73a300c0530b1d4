extends "side.gd"
## The engine's classes: every peer is polled, and asked for its available bytes.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

var _server: TCPServer = TCPServer.new()
var _peers: Array[StreamPeerTCP] = []


func open() -> Error:
	return _server.listen(0, HOST)


func receive() -> int:
	senders.clear()
	received.clear()
	var begin: int = Time.get_ticks_usec()
	for member: int in _peers.size():
		var peer: StreamPeerTCP = _peers[member]
		peer.poll()
		var available: int = peer.get_available_bytes()
		if available > 0:
			senders.append(member)
			received.append(peer.get_data(available)[1])
	return Time.get_ticks_usec() - begin


func _accept() -> void:
	while _server.is_connection_available():
		var peer: StreamPeerTCP = _server.take_connection()
		if _join(peer.get_connected_port()) >= 0:
			_peers.append(peer)


func _drop_last() -> void:
	var peer: StreamPeerTCP = _peers.pop_back()
	peer.disconnect_from_host()


func _port() -> int:
	return _server.get_local_port()
