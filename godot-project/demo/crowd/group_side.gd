extends "side.gd"
## This addon's classes: a group accepts the clients, and its poll returns the peers with data.

var _server := TCPServerRs.new()
var _group := StreamPeerSocketGroupRs.new()
var _peers: Array[StreamPeerTCPRs] = []
var _member_of := {}


func open() -> Error:
	_group.accept_from(_server)
	_group.peer_connected.connect(_on_peer_connected)
	return _server.listen(0, HOST)


func look() -> int:
	heard.clear()
	said.clear()
	var begin := Time.get_ticks_usec()
	for peer: StreamPeerTCPRs in _group.poll():
		heard.append(_member_of[peer])
		said.append(peer.receive())
	return Time.get_ticks_usec() - begin


func _accept() -> void:
	_group.poll()


func _on_peer_connected(peer: StreamPeerTCPRs) -> void:
	var member := _join(peer.get_connected_port())
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
