extends "res://tests/support/test_case.gd"
## The addon's `socket_await.gd`: awaits that poll the peer themselves, and always end.

const SocketAwait := preload("res://addons/stream_peer_socket_rs/socket_await.gd")


func test_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		_soon(func() -> void: pair.served.put_data([1, 2]), 2)
		_soon(func() -> void: pair.served.put_data([3, 4, 5]), 4)
		var result := await SocketAwait.bytes(pair.client, 4, PATIENCE)
		check_eq(result.error, OK, kind + ": error")
		check_eq(result.data, PackedByteArray([1, 2, 3, 4]), kind + ": data")
		check_eq(pair.client.get_u8(), 5, kind + ": what follows")
		result = await SocketAwait.bytes(pair.client, 0, PATIENCE)
		check_eq([result.error, result.data], [OK, PackedByteArray()], kind + ": no bytes")


func test_more_than_the_system_keeps() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.write_buffer_limit = 16 << 20
		pair.served.auto_poll = true
		var bytes := PackedByteArray()
		bytes.resize(16 << 20)
		check_eq(pair.served.put_data(bytes), OK, kind + ": put_data")
		var result := await SocketAwait.bytes(pair.client, bytes.size(), PATIENCE)
		check_eq([result.error, result.data.size()], [OK, bytes.size()], kind + ": everything")


func test_a_line() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		_soon(func() -> void: pair.served.put_data("first li".to_utf8_buffer()), 1)
		_soon(func() -> void: pair.served.put_data("ne\r\n\nthird ⚡\n".to_utf8_buffer()), 3)
		for line: String in ["first line", "", "third ⚡"]:
			var result := await SocketAwait.line(pair.client, PATIENCE)
			check_eq([result.error, result.text()], [OK, line], kind + ": a line")


func test_a_delimiter() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		_soon(func() -> void: pair.served.put_data("ab-".to_utf8_buffer()), 1)
		_soon(func() -> void: pair.served.put_data("-cd".to_utf8_buffer()), 3)
		var result := await SocketAwait.until(pair.client, "--", PATIENCE)
		check_eq([result.error, result.text()], [OK, "ab"], kind + ": a string")
		_soon(func() -> void: pair.served.put_u8(0), 1)
		result = await SocketAwait.until(pair.client, PackedByteArray([0]), PATIENCE)
		check_eq([result.error, result.text()], [OK, "cd"], kind + ": bytes")


func test_the_end() -> void:
	for kind: String in family.kinds():
		for half_open in [false, true]:
			var pair := link(kind)
			pair.client.allow_half_open = half_open
			pair.served.put_data([1, 2])
			_soon(func() -> void: pair.served.put_data([3]), 2)
			_soon(func() -> void: pair.served.shutdown_write(), 4)
			var result := await SocketAwait.end(pair.client, PATIENCE)
			check_eq([result.error, result.data], [OK, PackedByteArray([1, 2, 3])], kind + ": everything")
			check_eq(pair.client.get_status(), STATUS_CONNECTED if half_open else STATUS_NONE, kind + ": status")


func test_a_peer_that_is_still_connecting() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var client := dial(end)
		accept(end).put_data("hello\n".to_utf8_buffer())
		var result := await SocketAwait.line(client, PATIENCE)
		check_eq([result.error, result.text()], [OK, "hello"], kind + ": a line")


func test_the_time_is_over() -> void:
	for kind: String in family.kinds():
		for wait: Callable in _waits():
			var pair := link(kind)
			pair.served.put_data([1, 2])
			arrived(pair.client, 2)
			var result: SocketAwait.Result = await wait.call(pair.client, 0.05)
			check_eq(result.error, ERR_TIMEOUT, kind + ": error")
			check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")
			# Either it was handed over or it is still there.
			check_eq(result.data + pair.client.receive(), PackedByteArray([1, 2]), kind + ": nothing is lost")
			pair.served.put_u8(7)
			check_eq(pair.client.get_u8(), 7, kind + ": the connection goes on")


func test_cancelling() -> void:
	for kind: String in family.kinds():
		for wait: Callable in _waits():
			var pair := link(kind)
			_soon(func() -> void: pair.client.disconnect_from_host(), 2)
			var result: SocketAwait.Result = await wait.call(pair.client, PATIENCE)
			check_eq(result.error, ERR_SKIP, kind + ": error")


func test_cancelling_and_connecting_again() -> void:
	for kind: String in family.kinds():
		for wait: Callable in _waits():
			var pair := link(kind)
			_soon(func() -> void:
				pair.client.disconnect_from_host()
				pair.endpoint.connect_peer(pair.client), 2)
			var result: SocketAwait.Result = await wait.call(pair.client, PATIENCE)
			check_eq(result.error, ERR_SKIP, kind + ": the await was about the first connection")
			# One that begins now is about the second, whatever has not been told of the first.
			pair.client.disconnect_from_host()
			pair.endpoint.connect_peer(pair.client)
			result = await wait.call(pair.client, 0.02)
			check_eq(result.error, ERR_TIMEOUT, kind + ": the next await")


func test_a_drop() -> void:
	for kind: String in family.kinds():
		for wait: Callable in _waits().slice(0, 3):
			var pair := link(kind)
			pair.served.put_data([1, 2])
			_soon(func() -> void: pair.served.disconnect_from_host(), 2)
			var result: SocketAwait.Result = await wait.call(pair.client, PATIENCE)
			check_eq(result.error, ERR_FILE_EOF, kind + ": error")
			check_eq(result.data + pair.client.receive(), PackedByteArray([1, 2]), kind + ": nothing is lost")


func test_a_reset() -> void:
	if not tells_resets():
		return
	for wait: Callable in _waits():
		var pair := link("tcp")
		_soon(func() -> void: pair.served.abort(), 2)
		var result: SocketAwait.Result = await wait.call(pair.client, PATIENCE)
		check_eq(result.error, ERR_CONNECTION_ERROR, "error")


func test_a_connect_that_fails() -> void:
	for wait: Callable in _waits():
		var end := endpoint("tcp")
		end.stop()
		var result: SocketAwait.Result = await wait.call(dial(end), PATIENCE)
		check_eq(result.error, ERR_CONNECTION_ERROR, "refused")
		end = small_endpoint("tcp")
		var queue := fill(end)
		var peer := StreamPeerTCPRs.new()
		peer.connect_timeout = 0.05
		end.connect_peer(peer)
		result = await wait.call(peer, PATIENCE)
		check_eq([result.error, peer.get_status()], [ERR_TIMEOUT, STATUS_ERROR], "not in time")
		check(not queue.is_empty(), "the queue is full until here")


func test_a_peer_that_is_closed() -> void:
	for kind: String in family.kinds():
		for wait: Callable in _waits():
			var result: SocketAwait.Result = await wait.call(family.peer(kind), PATIENCE)
			check_eq(result.error, ERR_UNCONFIGURED, kind + ": error")


func test_too_long() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.put_data("0123456789".to_ascii_buffer())
		var result := await SocketAwait.line(pair.client, PATIENCE, 5)
		check_eq([result.error, result.data], [ERR_INVALID_DATA, PackedByteArray()], kind + ": a line")
		check_eq(pair.client.receive(), "0123456789".to_ascii_buffer(), kind + ": nothing is lost")


func test_a_time_limit_that_is_no_number() -> void:
	for wait: Callable in _waits():
		var pair := link(family.local_kind())
		pair.served.put_data([1, 2])
		arrived(pair.client, 2)
		var results: Array[SocketAwait.Result] = []
		var run := func() -> void: results.append(await wait.call(pair.client, NAN))
		run.call()
		await until(func() -> bool: return not results.is_empty(), "the await to end")
		# Or it goes on behind this test.
		pair.client.disconnect_from_host()
		if not results.is_empty():
			check_eq(results[0].error, ERR_TIMEOUT, "error")


func test_fewer_bytes_than_none() -> void:
	for count: int in [-1, -2, -9223372036854775808]:
		var pair := link(family.local_kind())
		pair.served.put_data([1, 2])
		arrived(pair.client, 2)
		var result := await SocketAwait.bytes(pair.client, count, PATIENCE)
		check_eq([result.error, result.data], [ERR_INVALID_PARAMETER, PackedByteArray()], "%d bytes" % count)
		check_eq(pair.client.receive(), PackedByteArray([1, 2]), "nothing is lost")


func test_no_delimiter() -> void:
	var end := small_endpoint("tcp")
	var queue := fill(end)
	var connected := link("tcp")
	connected.served.put_data([1, 2])
	arrived(connected.client, 2)
	for delimiter: Variant in ["", PackedByteArray(), null, 7]:
		mute(true)
		var result := await SocketAwait.until(queue.back(), delimiter, PATIENCE)
		check_eq([result.error, queue.back().get_status()], [ERR_INVALID_PARAMETER, STATUS_CONNECTING], "while it connects")
		result = await SocketAwait.until(connected.client, delimiter, PATIENCE)
		check_eq(result.error, ERR_INVALID_PARAMETER, "on a connection")
		mute(false)
	check_eq(connected.client.receive(), PackedByteArray([1, 2]), "nothing is lost")


func test_beside_auto_poll() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.auto_poll = true
		_soon(func() -> void: pair.served.put_data([1, 2, 3]), 2)
		_soon(func() -> void: pair.served.disconnect_from_host(), 3)
		var result := await SocketAwait.end(pair.client, PATIENCE)
		check_eq([result.error, result.data], [OK, PackedByteArray([1, 2, 3])], kind + ": everything")


func test_nothing_is_left_behind() -> void:
	var pair := link(family.local_kind())
	var weak: WeakRef = weakref(pair.client)
	await _wait_in_vain(pair.client)
	pair.client = null
	await until(func() -> bool: return weak.get_ref() == null, "the peer to go")


# A function of its own, because a variable's value may live on in a caller until that returns.
func _wait_in_vain(peer: StreamPeer) -> void:
	await SocketAwait.bytes(peer, 1, 0.02)
	for name: String in ["status_changed", "connect_finished", "disconnected", "data_available"]:
		check_eq(peer.get_signal_connection_list(name), [], name)


# Each way to wait for what does not come.
func _waits() -> Array[Callable]:
	return [
		func(peer: StreamPeerSocketRs, seconds: float) -> SocketAwait.Result: return await SocketAwait.bytes(peer, 10, seconds),
		func(peer: StreamPeerSocketRs, seconds: float) -> SocketAwait.Result: return await SocketAwait.line(peer, seconds),
		func(peer: StreamPeerSocketRs, seconds: float) -> SocketAwait.Result: return await SocketAwait.until(peer, "--", seconds),
		func(peer: StreamPeerSocketRs, seconds: float) -> SocketAwait.Result: return await SocketAwait.end(peer, seconds),
	]


# Calls `body` so many frames from now.
func _soon(body: Callable, frames: int) -> void:
	for i in frames:
		await (Engine.get_main_loop() as SceneTree).process_frame
	body.call()
