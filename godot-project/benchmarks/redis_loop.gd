extends RefCounted
## A server that answers each PING of redis-benchmark, in a loop over its peers. It is written for
## the engine's classes; `typed_script.gd` makes the same for ours.

# The timed calls discard their results.
@warning_ignore_start("return_value_discarded")

const PING_SIZE: int = 14

var server: TCPServer
var peers: Array[StreamPeerTCP] = []
var pong: PackedByteArray = "+PONG\r\n".to_ascii_buffer()
var otherwise: PackedByteArray = "-ERR\r\n".to_ascii_buffer()


func frame() -> void:
	while server.is_connection_available():
		peers.append(server.take_connection())
	var are_some_gone: bool = false
	for peer: StreamPeerTCP in peers:
		peer.poll()
		if peer.get_status() != StreamPeerTCP.STATUS_CONNECTED:
			are_some_gone = true
			continue
		var size: int = peer.get_available_bytes()
		if size > 0:
			peer.get_data(size)
			@warning_ignore("integer_division")
			for i: int in maxi(1, size / PING_SIZE):
				peer.put_data(pong if size % PING_SIZE == 0 else otherwise)
	if are_some_gone:
		peers = peers.filter(_is_connected)


func _is_connected(peer: StreamPeerTCP) -> bool:
	return peer.get_status() == StreamPeerTCP.STATUS_CONNECTED
