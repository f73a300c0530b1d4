extends "res://tests/support/http_case.gd"
## Tests of `examples/phone_controllers.gd`.

const PhoneControllers := preload("res://examples/phone_controllers.gd")


func test_a_page_steers_a_dot_and_gets_its_score() -> void:
	var game := _game()
	var page := await _ask_while_it_runs(game, request_text("GET /"))
	check_eq([status_of(page), header_of(page, "content-type")],
			[200, "text/html; charset=utf-8"], "it")
	check(body_of(page).contains("/play"), "the page")
	var socket := await _joined(game)
	var player: PhoneControllers.Player = game.players[0]
	game.coin = player.position + Vector2(100.0, 0.0)
	socket.send_text("1 0")
	await until(func() -> bool:
		socket.poll()
		return socket.get_available_packet_count() > 0, "a score")
	check_eq(socket.get_packet().get_string_from_utf8(), "1", "the score")
	check(player.position.x > PhoneControllers.AREA.get_center().x, "the dot has moved")
	# No message of an untrusted client moves it faster than the game permits.
	for text: String in ["", "x", "1", "1 2 3", "inf nan", "9999 -9999"]:
		socket.send_text(text)
	await until(func() -> bool:
		socket.poll()
		return player.velocity.y < -200.0, "the last message")
	check(player.velocity.length() < 300.1, "the velocity %s" % player.velocity)
	check(player.position.is_finite(), "the position %s" % player.position)
	socket.close()
	await until(func() -> bool:
		socket.poll()
		return game.players.is_empty(), "the dot to leave")
	game.free()


func test_a_full_game_and_bad_requests_are_refused() -> void:
	var game := _game()
	game.max_players = 1
	var _socket := await _joined(game)
	var answer := await _ask_while_it_runs(game, request_text("GET /play"))
	check_eq([status_of(answer), body_of(answer)], [503, "The game is full."], "a second player")
	game.max_players = 2
	answer = await _ask_while_it_runs(game, request_text("GET /play"))
	check_eq(status_of(answer), 426, "no handshake")
	answer = await _ask_while_it_runs(game, request_text("GET /../phone_controllers.gd"))
	check_eq(status_of(answer), 404, "another file")
	game.free()


func test_the_example_stays_short() -> void:
	# It shows how little a game takes.
	var lines := FileAccess.get_file_as_string("res://examples/phone_controllers.gd").count("\n")
	check(lines > 0 and lines < 60, "%d lines" % lines)


func _game() -> PhoneControllers:
	var game := PhoneControllers.new()
	game.port = 0
	(Engine.get_main_loop() as SceneTree).root.add_child(game)
	return game


func _joined(game: PhoneControllers) -> WebSocketPeerRs:
	var socket := WebSocketPeerRs.new()
	socket.connect_to_url("ws://127.0.0.1:%d/play" % game.server.get_local_port())
	await until(func() -> bool:
		socket.poll()
		return socket.get_ready_state() == WebSocketPeerRs.STATE_OPEN, "the WebSocket")
	check_eq(game.players.size(), 1, "players")
	return socket


func _ask_while_it_runs(game: PhoneControllers, text: String) -> String:
	var client := connected_to(game.server)
	client.send(text)
	await until(func() -> bool:
		client.peer.poll()
		client.received.append_array(client.peer.receive())
		return client.is_closed(), "an answer")
	return client.take()
