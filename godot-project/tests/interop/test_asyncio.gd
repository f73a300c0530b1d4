extends "res://tests/support/test_case.gd"
## Python's asyncio as client and server: half-close, resets, slow readers, and 500 connections at
## once.

const Tool := preload("res://tests/interop/tool.gd")

const MUCH := 3 << 20
const CROWD := 500


func test_a_half_closed_client_gets_its_answer() -> void:
	var end := endpoint("tcp")
	var client := _peer("half_close", end.port)
	var served := accept(end)
	served.allow_half_open = true
	var received := PackedByteArray()
	spin_until(func() -> bool:
		served.poll()
		received.append_array(served.receive())
		return served.is_read_closed() and served.get_available_bytes() == 0,
				"the end of the client's stream")
	var expected := PackedByteArray(range(256))
	while expected.size() < MUCH:
		expected.append_array(expected)
	check_eq(received.size(), MUCH, "bytes")
	check(received == expected.slice(0, MUCH), "the received bytes")
	received.reverse()
	check_eq(served.put_data(received), OK, "the answer")
	served.disconnect_from_host()
	check_eq(client.line(), "%d %s" % [MUCH, _sha256(received)],
			"the client's report of the received bytes")


func test_a_reset_by_the_client_is_a_connection_error() -> void:
	var end := endpoint("tcp")
	_peer("reset", end.port)
	var served := accept(end)
	var received := PackedByteArray()
	var ends := []
	served.disconnected.connect(func(error: Error) -> void: ends.append(error))
	spin_until(func() -> bool:
		received.append_array(served.receive())
		served.poll()
		return not ends.is_empty(), "the reset")
	check_eq(received.size(), 1000, "the bytes before the reset")
	check_eq(ends, [ERR_CONNECTION_ERROR], "the error of disconnected")


func test_a_slow_reader_gets_every_byte() -> void:
	var end := endpoint("tcp")
	var client := _peer("slow", end.port)
	var served := accept(end)
	served.set_send_buffer_size(1 << 16)
	served.write_buffer_limit = 16 << 20
	var data := PackedByteArray()
	data.resize(8 << 20)
	for i in range(0, data.size(), 1021):
		data[i] = i % 256
	check_eq(served.put_data(data), OK, "put_data")
	check(served.get_pending_write_bytes() > 0, "bytes are queued")
	# The queue is sent before the end of the stream.
	served.disconnect_from_host()
	check_eq(client.line(), "%d %s" % [data.size(), _sha256(data)],
			"the client's report of the received bytes")


func test_a_group_serves_five_hundred_clients() -> void:
	var server := TCPServerRs.new()
	server.max_pending_connections = CROWD
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var lines := PacketPeerSocketRs.new()
	lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	var group := StreamPeerSocketGroupRs.new()
	group.accept_from(server, lines)
	group.peer_packet_received.connect(
			func(peer: PacketPeerSocketRs, line: PackedByteArray) -> void: peer.put_packet(line))
	var client := _peer("crowd", server.get_local_port())
	var right := in_thread(client.line)
	spin_until(func() -> bool:
		group.poll(10)
		return not right.is_alive(), "the answers to all clients", 60.0)
	check_eq(join(right, "the crowd"), str(CROWD), "connections that got their own bytes back")


func test_five_hundred_peers_connect_to_its_server() -> void:
	var server := _peer("serve", 0)
	var port: int = server.line().to_int()
	var group := StreamPeerSocketGroupRs.new()
	var peers: Array[StreamPeerTCPRs] = []
	var received: Array[PackedByteArray] = []
	var connected: Array[int] = []
	for i in CROWD:
		var peer := StreamPeerTCPRs.new()
		peer.allow_half_open = true
		peer.write_buffer_limit = 1 << 20
		peer.connect_to_host(LOOPBACK, port)
		peer.put_data(_message(i))
		peer.connect_finished.connect(func(_error: Error) -> void: connected.append(i))
		group.add(peer)
		peers.append(peer)
		received.append(PackedByteArray())
	spin_until(func() -> bool:
		group.poll(10)
		for i in connected:
			peers[i].shutdown_write()
		connected.clear()
		var under_way := 0
		for i in CROWD:
			received[i].append_array(peers[i].receive())
			under_way += int(peers[i].get_status() in [STATUS_CONNECTING, STATUS_CONNECTED])
		return under_way == 0, "the end of all connections", 60.0)
	var right := 0
	for i in CROWD:
		right += int(received[i] == _message(i))
	check_eq(right, CROWD, "connections that got their own bytes back")
	server.stop()


func _message(number: int) -> PackedByteArray:
	return "message %d\n".repeat(1 + number % 50).replace("%d", str(number)).to_ascii_buffer()


func _peer(role: String, port: int) -> Tool:
	return Tool.start("python3", [Tool.script("asyncio_peer.py"), role, str(port)])


func _sha256(data: PackedByteArray) -> String:
	var hash := HashingContext.new()
	hash.start(HashingContext.HASH_SHA256)
	hash.update(data)
	return hash.finish().hex_encode()
