extends "res://tests/support/test_case.gd"
## The lobby in `examples/`: players that talk, drop and return, and clients that misbehave.

const FrameClock := preload("res://tests/support/frame_clock.gd")
const LobbyClient := preload("res://examples/lobby_client.gd")
const LobbyServer := preload("res://examples/lobby_server.gd")

var _nodes: Array[Node] = []
# What each player has received.
var _received := {}


func test_players_join_talk_move_and_are_kicked() -> void:
	var server := _served()
	var ann := await _player(server, "Ann")
	var bob := await _player(server, "Bob")
	await _gets(ann, {"entered": "Bob"})
	ann.lines.put_json({"list": true})
	await _gets(ann, {"players": {"Ann": "hall", "Bob": "hall"}})
	# Control characters reach the other clients as valid escapes, which every parser accepts.
	ann.lines.put_text('{"say":"hel\\u000b\\u0001lo"}')
	await _gets(bob, {"from": "Ann", "say": "hel\u000b\u0001lo"})
	bob.lines.put_json({"move": "garden"})
	await _gets(ann, {"left": "Bob"})
	await _gets(bob, {"entered": "Bob"})
	bob.lines.put_json({"say": "nobody here"})
	await _gets(bob, {"from": "Bob", "say": "nobody here"})
	check(not {"from": "Bob", "say": "nobody here"} in _received[ann], "another room")
	bob.lines.put_json({"say": "too", "many": "keys"})
	await _gets(bob, {"error": "not possible"})
	server.kick("nobody")
	server.kick("Bob")
	await _gets(bob, {"kicked": "Bob"})
	await until(func() -> bool: return server.group.get_count() == 2, "the end of Bob's connection")
	check_eq(server.seats.keys(), ["Ann"] as Array[String], "the seats")
	_finish()


func test_a_player_returns_to_the_same_seat() -> void:
	var server := _served()
	var ann := await _player(server, "Ann")
	var bob := await _player(server, "Bob")
	bob.lines.put_json({"move": "garden"})
	await _gets(ann, {"left": "Bob"})
	var token: String = server.seats["Bob"].token
	for round in 3:
		_received[bob].clear()
		server.seats["Bob"].peer.stream.abort()
		await _gets(bob, {"joined": "Bob", "token": token, "room": "garden"})
	# The old connection still stands when the player returns from elsewhere.
	bob.connection.stop()
	var old: PacketPeerSocketRs = server.seats["Bob"].peer
	var raw := await _raw(server, {"join": "Bob", "token": token})
	await until(func() -> bool: return server.seats["Bob"].peer != old, "the return")
	check_eq(old.stream.get_status(), STATUS_NONE, "the old connection")
	var thief := await _raw(server, {"join": "Bob", "token": "?"})
	check(await _line(thief) == {"error": "the lobby is full, or the name cannot be used"}, "a thief")
	check_eq(server.seats["Bob"].room, "garden", "the room")
	# A seat without a connection is given away when it is needed.
	raw.stream.abort()
	_received[ann].clear()
	for i in LobbyServer.MAX_PLAYERS - 1:
		check(server.seats.has("Bob"), "the seat is kept")
		await _player(server, str(i))
	check(not server.seats.has("Bob"), "the seat is needed")
	var late := await _raw(server, {"join": "late"})
	check(await _line(late) == {"error": "the lobby is full, or the name cannot be used"}, "full")
	check_eq(ann.lines.stream.get_status(), STATUS_CONNECTED, "the other player")
	_finish()


func test_a_player_that_never_reads_is_kicked_and_disturbs_nobody() -> void:
	var server := _served()
	var ann := await _player(server, "Ann")
	var bob := await _player(server, "Bob")
	var mute := StreamPeerTCPRs.new()
	mute.set_receive_buffer_size(4096)
	mute.connect_to_host(LOOPBACK, server.server.get_local_port())
	settle(mute)
	mute.put_data('{"join":"Mute"}\n'.to_ascii_buffer())
	await _gets(ann, {"entered": "Mute"})
	var frames := FrameClock.new()
	var sent := [0]
	await until(func() -> bool:
		for i in 4:
			if ann.lines.put_json({"say": String.chr(0x1F600).repeat(1000) + "!"}) == OK:
				sent[0] += 1
		return {"left": "Mute"} in _received[bob], "the mute to be kicked", 60.0)
	for player: LobbyClient in [ann, bob]:
		await until(func() -> bool: return _count(player, "from") == sent[0], "all that Ann has sent")
	frames.report("a player that never reads")
	_finish()


func test_clients_that_misbehave_disturb_nobody() -> void:
	var server := _served()
	var ann := await _player(server, "Ann")
	var peers: Array[StreamPeerTCPRs] = []
	var random := RandomNumberGenerator.new()
	random.seed = 7
	for i in 50:
		var peer := StreamPeerTCPRs.new()
		peer.write_buffer_limit = 4 << 20
		peer.connect_to_host(LOOPBACK, server.server.get_local_port())
		peers.append(peer)
		match i % 5:
			0:
				var garbage := PackedByteArray()
				for _j in 5000:
					garbage.append(random.randi() % 256)
				peer.put_data(garbage)
			1: peer.put_data("{\"jo".to_ascii_buffer())
			2: peer.put_data("x".repeat(20_000).to_ascii_buffer())
			3: peer.put_data("{\"join\":\"\"}\n".repeat(20_000).to_ascii_buffer())
			4: peer.put_data(('{"join":"%d"}\n{"join":[],"say":{}}\n{"say":[]}\n' % i
					+ '{"say":"%s"}\n' % "y".repeat(900)).repeat(500).to_ascii_buffer())
	var poll_all := func() -> void:
		for peer in peers:
			peer.poll()
	var frames := FrameClock.new()
	for _i in 30:
		poll_all.call()
		await (Engine.get_main_loop() as SceneTree).process_frame
	check(server.group.get_count() <= 2 * LobbyServer.MAX_PLAYERS + 1, "the limit of clients")
	check(server.seats.size() <= LobbyServer.MAX_PLAYERS, "the limit of players")
	_received[ann].clear()
	ann.lines.put_json({"list": true})
	await until(func() -> bool:
		poll_all.call()
		return _count(ann, "players") == 1, "an answer meanwhile")
	# Those that have not joined are disconnected, the others leave.
	await until(func() -> bool:
		poll_all.call()
		return server.group.get_members().all(func(member: RefCounted) -> bool:
				return member == server.server or member.has_meta(&"player")), "the join deadline", 20.0)
	for peer in peers:
		peer.abort()
	await until(func() -> bool: return server.group.get_count() == 2, "all others to be gone")
	frames.report("50 clients that misbehave")
	_finish()


func _served() -> LobbyServer:
	var server := LobbyServer.new()
	server.port = 0
	_add(server)
	return server


func _player(server: LobbyServer, called: String) -> LobbyClient:
	var player := LobbyClient.new()
	player.connection.min_delay = 0.01
	var received := []
	_received[player] = received
	player.received.connect(func(message: Variant) -> void: received.append(message))
	_add(player)
	player.join(LOOPBACK, server.server.get_local_port(), called)
	await until(func() -> bool: return _count(player, "joined") == 1, called + " to join")
	return player


func _add(node: Node) -> void:
	_nodes.append(node)
	(Engine.get_main_loop() as SceneTree).root.add_child(node)


func _finish() -> void:
	for node in _nodes:
		node.free()
	_received.clear()


func _gets(player: LobbyClient, message: Dictionary) -> void:
	await until(func() -> bool: return message in _received[player],
			"%s, got %s" % [message, str(_received[player]).right(300)])


func _count(player: LobbyClient, key: String) -> int:
	return _received[player].filter(func(one: Dictionary) -> bool: return one.has(key)).size()


func _raw(server: LobbyServer, message: Dictionary) -> PacketPeerSocketRs:
	var lines := PacketPeerSocketRs.new()
	lines.stream = StreamPeerTCPRs.new()
	lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	lines.stream.connect_to_host(LOOPBACK, server.server.get_local_port())
	settle(lines.stream)
	lines.put_json(message)
	return lines


func _line(lines: PacketPeerSocketRs) -> Variant:
	await until(func() -> bool: return lines.get_available_packet_count() > 0, "a line")
	return lines.get_json()
