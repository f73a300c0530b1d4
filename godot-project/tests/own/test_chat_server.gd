extends "res://tests/support/test_case.gd"
## Tests of the chat server in `examples/`, with the engine's peers as its clients.

const ChatServer := preload("res://examples/chat_server.gd")


func test_clients_get_names_and_exchange_lines() -> void:
	var node := _served()
	var ann := _client(node, "Ann")
	await _hears(ann, "Hello, Ann. Here: Ann.")
	var twin := _client(node, "Ann")
	await _hears(twin, "Another name, please.")
	twin.put_data("Bob\r\n".to_ascii_buffer())
	await _hears(twin, "Hello, Bob. Here: Ann, Bob.")
	await _hears(ann, "Bob has joined.")
	ann.put_data("how are you?\n".to_utf8_buffer())
	await _hears(twin, "Ann: how are you?")
	# A client that sends a line that is too long is disconnected.
	twin.put_data(("x".repeat(node.max_line_bytes + 1) + "\n").to_ascii_buffer())
	await _hears(ann, "Bob has left.")
	node.free()


func test_the_longest_lines_reach_everybody() -> void:
	var node := _served()
	var names := []
	var clients: Array[StreamPeerTCP] = []
	for i in 30:
		names.append(("%02d" % i).rpad(ChatServer.MAX_NAME_BYTES, "x"))
		clients.append(_client(node, names[i]))
		await _hears(clients[i], "Hello, %s. Here: %s." % [names[i], ", ".join(names)])
		for other in clients.slice(0, i):
			await _hears(other, "%s has joined." % names[i])
	var longest := "y".repeat(node.max_line_bytes)
	clients[0].put_data((longest + "\n").to_ascii_buffer())
	for other in clients.slice(1):
		await _hears(other, "%s: %s" % [names[0], longest])
	var one := _client(node, "z".repeat(ChatServer.MAX_NAME_BYTES + 1))
	await _hears(one, "Another name, please.")
	node.free()


func test_clients_beyond_the_limit_are_refused() -> void:
	var node := _served(1)
	var ann := _client(node, "Ann")
	await _hears(ann, "Hello, Ann. Here: Ann.")
	var bob := _client(node, "Bob")
	await until(func() -> bool:
		bob.poll()
		return bob.get_status() != STATUS_CONNECTED, "the second client to be refused")
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


func _hears(peer: StreamPeerTCP, line: String) -> void:
	var received := [PackedByteArray()]
	await until(func() -> bool:
		peer.poll()
		var expected := (line + "\n").to_utf8_buffer()
		received[0].append_array(peer.get_partial_data(expected.size() - received[0].size())[1])
		return received[0] == expected, "'%s': %s" % [line, received[0].get_string_from_utf8()])
