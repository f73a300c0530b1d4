extends "side.gd"
## This addon's classes: a group accepts the clients, and its poll returns the peers with data.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

var _server: TCPServerRs = TCPServerRs.new()
var _group: StreamPeerSocketGroupRs = StreamPeerSocketGroupRs.new()
var _peers: Array[StreamPeerTCPRs] = []
var _member_of: Dictionary = {}


func open() -> Error:
	_group.accept_from(_server)
	_group.peer_connected.connect(_on_peer_connected)
	return _server.listen(0, HOST)


func receive() -> int:
	senders.clear()
	received.clear()
	var begin: int = Time.get_ticks_usec()
	for peer: StreamPeerTCPRs in _group.poll():
		var member: int = _member_of[peer]
		senders.append(member)
		received.append(peer.receive())
	return Time.get_ticks_usec() - begin


func _accept() -> void:
	_group.poll()


func _on_peer_connected(peer: StreamPeerTCPRs) -> void:
	var member: int = _join(peer.get_connected_port())
	if member < 0:
		_group.remove(peer)
		return
	_peers.append(peer)
	_member_of[peer] = member


func _drop_last() -> void:
	var peer: StreamPeerTCPRs = _peers.pop_back()
	_member_of.erase(peer)
	_group.remove(peer)
	peer.disconnect_from_host()


func _port() -> int:
	return _server.get_local_port()
