extends "res://tests/support/test_case.gd"
## The snapshots in `examples/` over a slow line, with a server that restarts, and with clients that
## misbehave.

const FrameClock := preload("res://tests/support/frame_clock.gd")
const SnapshotClient := preload("res://examples/snapshot_client.gd")
const SnapshotServer := preload("res://examples/snapshot_server.gd")

const SIZE := 200_000
## Bytes per second. A snapshot takes more than half a second.
const BANDWIDTH := 350_000

var _nodes: Array[Node] = []
# The turns of the snapshots that the client has received.
var _turns: Array[int] = []


func test_a_slow_line_skips_turns() -> void:
	var server := _served(0)
	var relay := _relay(server)
	var client := _client(relay)
	_publish(server, 1)
	await until(func() -> bool: return 1 in _turns, "the first turn", 30.0)
	var frames := FrameClock.new()
	await until(func() -> bool: return server.waiting.size() == 1, "the next request")
	# All but the first of these are published while the line is busy.
	for turn: int in [2, 3, 4, 5]:
		_publish(server, turn)
	await until(func() -> bool: return 5 in _turns, "the newest snapshot", 30.0)
	check_eq(_turns, [1, 2, 5] as Array[int], "the turns")
	frames.report("snapshots over a slow line")
	check_eq(client.connection.reason, "", "one connection")
	_finish()


func test_a_client_survives_servers_that_restart_within_a_packet() -> void:
	var server := _served(0)
	var port := server.server.get_local_port()
	var relay := _relay(server)
	var client := _client(relay)
	_publish(server, 1)
	await until(func() -> bool: return 1 in _turns, "the first turn", 30.0)
	for round in 3:
		_publish(server, 100 + round)
		var before := relay.get_bytes_to_client()
		await until(func() -> bool: return relay.get_bytes_to_client() > before + SIZE / 4,
				"a part of a snapshot")
		_nodes.erase(server)
		server.free()
		# The first server shuts down cleanly and still delivers its snapshot. The connections of
		# the next servers are reset.
		if round > 0:
			relay.abort_all()
		server = _served(port)
		_publish(server, 2 + round)
		await until(func() -> bool: return 2 + round in _turns, "a snapshot of the new server", 30.0)
	check_eq(_turns, [1, 100, 2, 3, 4] as Array[int], "the turns")
	check(client.connection.reason != "", "the reason of the last end")
	_finish()


func test_clients_that_misbehave_disturb_nobody() -> void:
	var server := _served(0)
	var frames := FrameClock.new()
	var peers: Array[StreamPeerTCPRs] = []
	for i in 50:
		var peer := StreamPeerTCPRs.new()
		peer.write_buffer_limit = 4 << 20
		peer.set_receive_buffer_size(4096)
		peer.connect_to_host(LOOPBACK, server.server.get_local_port())
		peers.append(peer)
		match i % 5:
			0: peer.put_data("garbage!".repeat(10_000).to_ascii_buffer())
			1: peer.put_data(PackedByteArray([100, 0, 0, 0, 1]))
			2: peer.put_data(PackedByteArray([1, 0, 0, 0, 7]))
			3:
				# Requests without an end.
				var flood := PackedByteArray()
				flood.resize(400_000)
				peer.put_data(flood)
			4: peer.put_data(PackedByteArray([0xff, 0xff, 0xff, 0xff]))
	var client := _client(server.server.get_local_port())
	for turn in 40:
		_publish(server, turn)
		for peer in peers:
			peer.poll()
		await until(func() -> bool: return turn in _turns, "turn %d" % turn)
	check(server.group.get_count() <= 53, "members")
	frames.report("50 clients that misbehave, and snapshots")
	for peer in peers:
		peer.abort()
	await until(func() -> bool: return server.group.get_count() == 2, "all others to be gone")
	_publish(server, 99)
	await until(func() -> bool: return 99 in _turns, "the last turn")
	check(server.waiting.size() <= 1, "clients that wait")
	check_eq(client.connection.reason, "", "one connection")
	_finish()


func _served(port: int) -> SnapshotServer:
	var server := SnapshotServer.new()
	server.port = port
	_add(server)
	return server


func _relay(server: SnapshotServer) -> SocketRelayRs:
	var relay := SocketRelayRs.new()
	check_eq(relay.set_target_host(LOOPBACK, server.server.get_local_port()), OK, "set_target_host")
	check_eq(relay.listen(0, LOOPBACK), OK, "listen")
	relay.to_client.bandwidth = BANDWIDTH
	relay.auto_poll = true
	return relay


func _client(to: Variant) -> SnapshotClient:
	var client := SnapshotClient.new()
	client.connection.min_delay = 0.01
	client.updated.connect(func(state: Dictionary) -> void:
		check_eq(state.board.size(), SIZE, "the board")
		_turns.append(state.turn))
	_add(client)
	client.start(LOOPBACK, to.get_local_port() if to is SocketRelayRs else to)
	return client


func _publish(server: SnapshotServer, turn: int) -> void:
	var board := PackedByteArray()
	board.resize(SIZE)
	board.fill(turn)
	server.publish({"turn": turn, "board": board})


func _add(node: Node) -> void:
	_nodes.append(node)
	(Engine.get_main_loop() as SceneTree).root.add_child(node)


func _finish() -> void:
	for node in _nodes:
		node.free()
