extends RefCounted
## A lobby server that polls its players one by one. It is written for the engine's classes;
## `typed_script.gd` makes the same for ours.

# The calls of a frame discard their results.
@warning_ignore_start("return_value_discarded")

var server: TCPServer
var peers: Array[StreamPeerTCP] = []
## The number of bytes received from the players.
var received: int = 0
## What each player is sent.
var world: PackedByteArray = PackedByteArray()
## The number of frames between two sends of `world`.
var every: int = 1
var _frame: int = 0


func frame() -> void:
	while server.is_connection_available():
		var peer: StreamPeerTCP = server.take_connection()
		peer.set_no_delay(true)
		peers.append(peer)
	for peer: StreamPeerTCP in peers:
		peer.poll()
		var size: int = peer.get_available_bytes()
		if size > 0:
			var data: PackedByteArray = peer.get_data(size)[1]
			received += data.size()
	_frame += 1
	if _frame % every == 0:
		for peer: StreamPeerTCP in peers:
			peer.put_data(world)


func players() -> int:
	return peers.size()
