extends SceneTree
## Quits while the tree's script and a node await bytes.

const SocketAwait := preload("res://addons/stream_peer_socket_rs/socket_await.gd")

var _server := TCPServerRs.new()


class Client extends Node:
	var peer := StreamPeerTCPRs.new()

	func run(port: int) -> void:
		peer.connect_to_host("127.0.0.1", port)
		await ask(peer)

	static func ask(of: StreamPeerSocketRs) -> SocketAwait.Result:
		return await SocketAwait.line(of, INF)


func _initialize() -> void:
	_server.listen(0, "127.0.0.1")
	_run_node()
	_run()


func _run_node() -> void:
	await process_frame
	var node := Client.new()
	root.add_child(node)
	node.run(_server.get_local_port())


func _run() -> void:
	var peer := StreamPeerTCPRs.new()
	peer.connect_to_host("127.0.0.1", _server.get_local_port())
	create_timer(0.05).timeout.connect(quit)
	await SocketAwait.bytes(peer, 10)
