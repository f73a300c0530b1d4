extends "side.gd"
## The engine's classes: every peer is polled, and asked for its available bytes.

var _server := TCPServer.new()
var _peers: Array[StreamPeerTCP] = []


func open() -> Error:
	return _server.listen(0, HOST)


func look() -> int:
	heard.clear()
	said.clear()
	var begin := Time.get_ticks_usec()
	for member in _peers.size():
		var peer := _peers[member]
		peer.poll()
		var available := peer.get_available_bytes()
		if available > 0:
			heard.append(member)
			said.append(peer.get_data(available)[1])
	return Time.get_ticks_usec() - begin


func _accept() -> void:
	while _server.is_connection_available():
		var peer := _server.take_connection()
		if _join(peer.get_connected_port()) >= 0:
			_peers.append(peer)


func _drop_last() -> void:
	_peers.pop_back().disconnect_from_host()


func _port() -> int:
	return _server.get_local_port()
