extends "res://tests/support/test_case.gd"
## Tests of the chat server in `examples/`, with the engine's peers as its clients.

const ChatServer := preload("res://examples/chat_server.gd")

# How many lines each client sends that floods.
const LINES := 60

# How many lines the server has taken, from each client in the frame `_frame`, and at most from one
# client in one frame.
var _lines := 0
var _taken := {}
var _frame := 0
var _most := 0


func test_clients_get_names_and_exchange_lines() -> void:
	var node := _served()
	var ann := _client(node, "Ann")
	await _receives(ann, "Hello, Ann. Here: Ann.")
	var twin := _client(node, "Ann")
	await _receives(twin, "Another name, please.")
	twin.put_data("Bob\r\n".to_ascii_buffer())
	await _receives(twin, "Hello, Bob. Here: Ann, Bob.")
	await _receives(ann, "Bob has joined.")
	ann.put_data("how are you?\n".to_utf8_buffer())
	await _receives(twin, "Ann: how are you?")
	# A client that sends a line that is too long is disconnected.
	twin.put_data(("x".repeat(node.max_line_bytes + 1) + "\n").to_ascii_buffer())
	await _receives(ann, "Bob has left.")
	node.free()


func test_the_longest_lines_reach_everybody() -> void:
	var node := _served()
	var names := []
	var clients: Array[StreamPeerTCP] = []
	for i in 30:
		names.append(("%02d" % i).rpad(ChatServer.MAX_NAME_BYTES, "x"))
		clients.append(_client(node, names[i]))
		await _receives(clients[i], "Hello, %s. Here: %s." % [names[i], ", ".join(names)])
		for other in clients.slice(0, i):
			await _receives(other, "%s has joined." % names[i])
	var longest := "y".repeat(node.max_line_bytes)
	clients[0].put_data((longest + "\n").to_ascii_buffer())
	for other in clients.slice(1):
		await _receives(other, "%s: %s" % [names[0], longest])
	var one := _client(node, "z".repeat(ChatServer.MAX_NAME_BYTES + 1))
	await _receives(one, "Another name, please.")
	node.free()


func test_clients_beyond_the_limit_are_refused() -> void:
	var node := _served(1)
	var ann := _client(node, "Ann")
	await _receives(ann, "Hello, Ann. Here: Ann.")
	var bob := _client(node, "Bob")
	await until(func() -> bool:
		bob.poll()
		return bob.get_status() != STATUS_CONNECTED, "the second client to be refused")
	node.free()


func test_clients_that_flood_take_only_their_share_of_a_frame() -> void:
	var node := _served()
	var clients: Array[StreamPeerTCP] = []
	for i in node.max_clients:
		clients.append(_client(node, str(i)))
	await until(func() -> bool: return node.names.size() == clients.size(), "all to have names")
	node.group.peer_packet_received.connect(_count)
	for client in clients:
		client.put_data("x\n".repeat(LINES).to_ascii_buffer())
	await until(func() -> bool: return _lines == LINES * clients.size(), "all lines", 30.0)
	check_eq(_most, ChatServer.LINES_PER_FRAME, "the most lines of a client in one frame")
	node.free()


func _served(max_clients := 100) -> ChatServer:
	var node := ChatServer.new()
	node.port = 0
	node.max_clients = max_clients
	(Engine.get_main_loop() as SceneTree).root.add_child(node)
	return node


func _client(node: ChatServer, called: String) -> StreamPeerTCP:
	var peer := StreamPeerTCP.new()
	peer.connect_to_host(LOOPBACK, node.server.get_local_port())
	settle(peer)
	peer.put_data((called + "\n").to_ascii_buffer())
	return peer


func _receives(peer: StreamPeerTCP, line: String) -> void:
	var received := [PackedByteArray()]
	await until(func() -> bool:
		peer.poll()
		var expected := (line + "\n").to_utf8_buffer()
		received[0].append_array(peer.get_partial_data(expected.size() - received[0].size())[1])
		return received[0] == expected, "'%s': %s" % [line, received[0].get_string_from_utf8()])


func _count(client: PacketPeerSocketRs, _line: PackedByteArray) -> void:
	if _frame != Engine.get_process_frames():
		_frame = Engine.get_process_frames()
		_taken.clear()
	_lines += 1
	_taken[client] = _taken.get(client, 0) + 1
	_most = maxi(_most, _taken[client])
