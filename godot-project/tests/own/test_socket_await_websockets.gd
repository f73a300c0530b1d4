extends "res://tests/support/websocket_case.gd"
## The awaits of the addon's `socket_await.gd` for WebSockets always end.

const SocketAwait := preload("res://addons/stream_peer_socket_rs/socket_await.gd")


var _peer: WebSocketPeerRs


## A node that awaits.
class Asker:
	extends Node

	func run(way: String, peer: WebSocketPeerRs) -> void:
		match way:
			"opened":
				await SocketAwait.opened(peer, PATIENCE)
			"message":
				await SocketAwait.message(peer, PATIENCE)
			"closed":
				await SocketAwait.closed(peer, PATIENCE)


func test_a_client_asks_and_gets_an_answer() -> void:
	var server := TCPServerRs.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var group := StreamPeerSocketGroupRs.new()
	group.accept_from(server, WebSocketPeerRs.new())
	group.auto_poll = true
	group.peer_packet_received.connect(func(peer: WebSocketPeerRs, packet: PackedByteArray) -> void:
		peer.send(packet)
		peer.send_text("two")
		peer.close(4000))
	var client := WebSocketPeerRs.new()
	client.connect_to_url("ws://127.0.0.1:%d" % server.get_local_port())
	var result := await SocketAwait.opened(client, PATIENCE)
	check_eq([result.error, result.message], [OK, ""], "opened")
	client.send([1])
	result = await SocketAwait.message(client, PATIENCE)
	check_eq([result.error, result.data], [OK, PackedByteArray([1])], "the first")
	check(not client.was_string_packet(), "bytes")
	# The end has come with it.
	result = await SocketAwait.message(client, PATIENCE)
	check_eq([result.error, result.text()], [OK, "two"], "the second")
	check(client.was_string_packet(), "text")
	result = await SocketAwait.message(client, PATIENCE)
	check_eq([result.error, result.message], [ERR_FILE_EOF, "await: WebSocket was closed with 4000"],
			"the end")
	check_eq((await SocketAwait.closed(client, PATIENCE)).error, OK, "it is closed")
	check_eq((await SocketAwait.opened(client, PATIENCE)).error, ERR_FILE_EOF, "it is over")
	for wait in _waits():
		result = await wait.call(WebSocketPeerRs.new(), PATIENCE)
		check_eq(result.error, ERR_UNCONFIGURED, "one that never was open")
	let_go(group)


func test_each_await_ends_at_its_time_limit() -> void:
	var pair := websocket_pair()
	for wait in _waits().slice(1):
		var result: SocketAwait.Result = await wait.call(pair.client, 0.05)
		check_eq(result.error, ERR_TIMEOUT, "error")
	var end := endpoint("tcp")
	var client := WebSocketPeerRs.new()
	client.connect_to_url("ws://127.0.0.1:%d" % end.port)
	var result := await SocketAwait.opened(client, 0.05)
	check_eq([result.error, result.message], [ERR_TIMEOUT, "await: timed out after 0.1 s"], "opened")
	check_eq(client.get_ready_state(), STATE_CONNECTING, "it goes on")


func test_closing_ends_each_await() -> void:
	for way: String in ["close", "abort", "peer", "reset"]:
		for wait in _waits().slice(1):
			var pair := websocket_pair()
			pair.served.auto_poll = true
			var ways := {
				"close": pair.client.close.bind(4001), "abort": pair.client.close.bind(-1),
				"peer": pair.served.close.bind(4001), "reset": pair.stream.abort,
			}
			_soon(ways[way])
			ways.clear()
			var result: SocketAwait.Result = await wait.call(pair.client, PATIENCE)
			var is_for_end: bool = wait == _waits()[2]
			match way:
				"close", "peer":
					check_eq(result.error, OK if is_for_end else ERR_FILE_EOF, way)
					check_eq(pair.client.get_close_code(), 4001, way)
				"abort":
					check_eq(result.error, ERR_SKIP, way)
				"reset":
					check(result.error in [ERR_CONNECTION_ERROR, ERR_FILE_EOF], way)
			check(result.error == OK or not result.message.is_empty(), way + ": why")


func test_a_refused_handshake_ends_each_await() -> void:
	for wait in _waits():
		var end := endpoint("tcp")
		var client := WebSocketPeerRs.new()
		client.connect_to_stream(dial(end), "ws://localhost/")
		var server := accept(end)
		_soon(func() -> void:
			server.put_data("HTTP/1.1 403 Forbidden\r\n\r\n".to_ascii_buffer()))
		var result: SocketAwait.Result = await wait.call(client, PATIENCE)
		check(result.error != OK, "error")
		check(result.message.contains("403"), result.message)


func test_a_freed_peer_ends_the_await() -> void:
	var pair := websocket_pair()
	_peer = pair.client
	pair.client = null
	var errors: Array[Error] = []
	_await_member(errors)
	await _frames(2)
	_peer = null
	await until(func() -> bool: return not errors.is_empty(), "the await to end with its peer")
	check_eq(errors, [ERR_SKIP] as Array[Error], "error")
	check(pair.served != null, "the other side is kept until here")


func test_a_freed_node_ends_its_await_and_takes_no_message() -> void:
	for way: String in ["opened", "message", "closed"]:
		var pair := websocket_pair()
		var client: WebSocketPeerRs = pair.client
		var node := Asker.new()
		(Engine.get_main_loop() as SceneTree).root.add_child(node)
		if way == "opened":
			client = WebSocketPeerRs.new()
			client.connect_to_stream(link("tcp").client, "ws://localhost/")
		node.run(way, client)
		await _frames(2)
		node.queue_free()
		node = null
		await _frames(2)
		pair.served.send_text("for the next scene")
		await _frames(3)
		check_eq(client.get_signal_connection_list("closed"), [], way + ": no connection is left")
		if way != "opened":
			spin_until(func() -> bool:
				client.poll()
				return client.get_available_packet_count() == 1, way + ": the message is there")


func test_wrong_arguments_end_it_at_once() -> void:
	for wait in _waits():
		for limit: float in [-1.0, NAN]:
			var result: SocketAwait.Result = await wait.call(WebSocketPeerRs.new(), limit)
			check_eq(result.error, ERR_INVALID_PARAMETER, "limit %f" % limit)
		var none: SocketAwait.Result = await wait.call(null, 1.0)
		check_eq(none.error, ERR_INVALID_PARAMETER, "null")


func _waits() -> Array[Callable]:
	return [SocketAwait.opened, SocketAwait.message, SocketAwait.closed]


func _soon(deed: Callable) -> void:
	(Engine.get_main_loop() as SceneTree).create_timer(0.03).timeout.connect(deed)


# Awaits without a local variable that references the peer.
func _await_member(errors: Array[Error]) -> void:
	errors.append((await SocketAwait.message(_peer, PATIENCE)).error)


func _frames(count: int) -> void:
	for i in count:
		await (Engine.get_main_loop() as SceneTree).process_frame
