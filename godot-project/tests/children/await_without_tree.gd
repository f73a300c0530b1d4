extends MainLoop
## Awaits in a main loop that is not a SceneTree. Prints the errors, and the number of unread bytes.

const SocketAwait := preload("res://addons/stream_peer_socket_rs/socket_await.gd")


func _process(_delta: float) -> bool:
	var pair: Array = StreamPeerUDSRs.create_pair()
	if pair.is_empty():
		return true
	var peer: StreamPeerSocketRs = pair[0]
	pair[1].put_data("line\n".to_ascii_buffer())
	var packets := PacketPeerSocketRs.new()
	packets.stream = peer
	var results: Array[SocketAwait.Result] = [
		await SocketAwait.connected(peer),
		await SocketAwait.bytes(peer, 1),
		await SocketAwait.line(peer),
		await SocketAwait.until(peer, "\n"),
		await SocketAwait.end(peer),
		await SocketAwait.packet(packets),
	]
	print("errors: ", results.map(func(result: SocketAwait.Result) -> Error: return result.error))
	print("unread: ", peer.get_available_bytes())
	return true
