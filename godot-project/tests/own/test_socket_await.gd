extends "res://tests/support/test_case.gd"
## Tests of the addon's `socket_await.gd`: its awaits poll the peer themselves, and always end.

const EngineProcess := preload("res://tests/support/engine_process.gd")
const SocketAwait := preload("res://addons/stream_peer_socket_rs/socket_await.gd")

var _peer: StreamPeerSocketRs
var _packets: PacketPeerSocketRs


func test_bytes_returns_exactly_the_count() -> void:
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


func test_bytes_returns_more_than_the_systems_buffers_hold() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.write_buffer_limit = 16 << 20
		pair.served.auto_poll = true
		var bytes := PackedByteArray()
		bytes.resize(16 << 20)
		check_eq(pair.served.put_data(bytes), OK, kind + ": put_data")
		var result := await SocketAwait.bytes(pair.client, bytes.size(), PATIENCE)
		check_eq([result.error, result.data.size()], [OK, bytes.size()], kind + ": everything")


func test_line_returns_lines_without_their_ends() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		_soon(func() -> void: pair.served.put_data("first li".to_utf8_buffer()), 1)
		_soon(func() -> void: pair.served.put_data("ne\r\n\nthird ⚡\n".to_utf8_buffer()), 3)
		for line: String in ["first line", "", "third ⚡"]:
			var result := await SocketAwait.line(pair.client, PATIENCE)
			check_eq([result.error, result.text()], [OK, line], kind + ": a line")


func test_until_returns_the_bytes_before_the_delimiter() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		_soon(func() -> void: pair.served.put_data("ab-".to_utf8_buffer()), 1)
		_soon(func() -> void: pair.served.put_data("-cd".to_utf8_buffer()), 3)
		var result := await SocketAwait.until(pair.client, "--", PATIENCE)
		check_eq([result.error, result.text()], [OK, "ab"], kind + ": a string")
		_soon(func() -> void: pair.served.put_u8(0), 1)
		result = await SocketAwait.until(pair.client, PackedByteArray([0]), PATIENCE)
		check_eq([result.error, result.text()], [OK, "cd"], kind + ": bytes")


func test_end_returns_the_whole_stream() -> void:
	for kind: String in family.kinds():
		for half_open in [false, true]:
			var pair := link(kind)
			pair.client.allow_half_open = half_open
			pair.served.put_data([1, 2])
			_soon(func() -> void: pair.served.put_data([3]), 2)
			_soon(func() -> void: pair.served.shutdown_write(), 4)
			var result := await SocketAwait.end(pair.client, PATIENCE)
			check_eq([result.error, result.data], [OK, PackedByteArray([1, 2, 3])], kind + ": everything")
			check_eq(pair.client.get_status(), STATUS_CONNECTED if half_open else STATUS_NONE,
					kind + ": status")


func test_a_connecting_peer_can_be_awaited() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var client := dial(end)
		accept(end).put_data("hello\n".to_utf8_buffer())
		var result := await SocketAwait.line(client, PATIENCE)
		check_eq([result.error, result.text()], [OK, "hello"], kind + ": a line")


func test_a_time_limit_ends_the_await_and_loses_no_bytes() -> void:
	for kind: String in family.kinds():
		for wait: Callable in _waits():
			var pair := link(kind)
			pair.served.put_data([1, 2])
			arrived(pair.client, 2)
			var result: SocketAwait.Result = await wait.call(pair.client, 0.05)
			check_eq(result.error, ERR_TIMEOUT, kind + ": error")
			check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")
			# Each byte is in the result or still unread.
			check_eq(result.data + pair.client.receive(), PackedByteArray([1, 2]),
					kind + ": nothing is lost")
			pair.served.put_u8(7)
			check_eq(pair.client.get_u8(), 7, kind + ": the connection stays open")


func test_disconnecting_ends_the_await() -> void:
	for kind: String in family.kinds():
		for wait: Callable in _waits():
			var pair := link(kind)
			_soon(func() -> void: pair.client.disconnect_from_host(), 2)
			var result: SocketAwait.Result = await wait.call(pair.client, PATIENCE)
			check_eq(result.error, ERR_SKIP, kind + ": error")


func test_an_await_belongs_to_the_connection_it_began_with() -> void:
	for kind: String in family.kinds():
		for wait: Callable in _waits():
			var pair := link(kind)
			_soon(func() -> void:
				pair.client.disconnect_from_host()
				pair.endpoint.connect_peer(pair.client), 2)
			var result: SocketAwait.Result = await wait.call(pair.client, PATIENCE)
			check_eq(result.error, ERR_SKIP, kind + ": the await of the first connection")
			# A new await belongs to the second connection, even if signals of the first are still
			# pending.
			pair.client.disconnect_from_host()
			pair.endpoint.connect_peer(pair.client)
			result = await wait.call(pair.client, 0.02)
			check_eq(result.error, ERR_TIMEOUT, kind + ": the next await")


func test_the_end_of_the_stream_ends_the_await() -> void:
	for kind: String in family.kinds():
		for wait: Callable in _waits().slice(0, 3):
			var pair := link(kind)
			pair.served.put_data([1, 2])
			_soon(func() -> void: pair.served.disconnect_from_host(), 2)
			var result: SocketAwait.Result = await wait.call(pair.client, PATIENCE)
			check_eq(result.error, ERR_FILE_EOF, kind + ": error")
			check_eq(result.data + pair.client.receive(), PackedByteArray([1, 2]),
					kind + ": nothing is lost")


func test_a_reset_ends_the_await() -> void:
	if not distinguishes_resets():
		return
	for wait: Callable in _waits():
		var pair := link("tcp")
		_soon(func() -> void: pair.served.abort(), 2)
		var result: SocketAwait.Result = await wait.call(pair.client, PATIENCE)
		check_eq(result.error, ERR_CONNECTION_ERROR, "error")


func test_a_failed_connect_ends_the_await() -> void:
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
		check_eq([result.error, peer.get_status()], [ERR_TIMEOUT, STATUS_ERROR], "timed out")
		check(not queue.is_empty(), "the backlog was full all the time")


func test_a_closed_peer_cannot_be_awaited() -> void:
	for kind: String in family.kinds():
		for wait: Callable in _waits():
			var result: SocketAwait.Result = await wait.call(family.peer(kind), PATIENCE)
			check_eq(result.error, ERR_UNCONFIGURED, kind + ": error")


func test_a_line_beyond_the_limit_is_an_error() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.put_data("0123456789".to_ascii_buffer())
		var result := await SocketAwait.line(pair.client, PATIENCE, 5)
		check_eq([result.error, result.data], [ERR_INVALID_DATA, PackedByteArray()], kind + ": a line")
		check_eq(pair.client.receive(), "0123456789".to_ascii_buffer(), kind + ": nothing is lost")


func test_invalid_time_limits_are_refused() -> void:
	for wait: Callable in _waits() + [_connect_wait()]:
		for seconds: float in [NAN, -1.0, -INF]:
			var pair := link(family.local_kind())
			pair.served.put_data([1, 2])
			arrived(pair.client, 2)
			var result: SocketAwait.Result = await wait.call(pair.client, seconds)
			check_eq([result.error, result.data], [ERR_INVALID_PARAMETER, PackedByteArray()],
					"%s seconds" % seconds)
			check_eq(pair.client.receive(), PackedByteArray([1, 2]), "nothing is read")


func test_zero_and_infinity_are_no_time_limit() -> void:
	for seconds: float in [0.0, INF]:
		var pair := link(family.local_kind())
		_soon(func() -> void: pair.served.put_data("late\n".to_ascii_buffer()), 5)
		var result := await SocketAwait.line(pair.client, seconds)
		check_eq([result.error, result.text()], [OK, "late"], "%s seconds" % seconds)


func test_a_negative_count_is_refused() -> void:
	for count: int in [-1, -2, -9223372036854775808]:
		var pair := link(family.local_kind())
		pair.served.put_data([1, 2])
		arrived(pair.client, 2)
		var result := await SocketAwait.bytes(pair.client, count, PATIENCE)
		check_eq([result.error, result.data], [ERR_INVALID_PARAMETER, PackedByteArray()],
				"%d bytes" % count)
		check_eq(pair.client.receive(), PackedByteArray([1, 2]), "nothing is lost")


func test_an_invalid_delimiter_is_refused() -> void:
	var end := small_endpoint("tcp")
	var queue := fill(end)
	var connected := link("tcp")
	connected.served.put_data([1, 2])
	arrived(connected.client, 2)
	for delimiter: Variant in ["", PackedByteArray(), null, 7]:
		mute(true)
		var result := await SocketAwait.until(queue.back(), delimiter, PATIENCE)
		check_eq([result.error, queue.back().get_status()], [ERR_INVALID_PARAMETER, STATUS_CONNECTING],
				"while it connects")
		result = await SocketAwait.until(connected.client, delimiter, PATIENCE)
		check_eq(result.error, ERR_INVALID_PARAMETER, "on a connection")
		mute(false)
	check_eq(connected.client.receive(), PackedByteArray([1, 2]), "nothing is lost")


func test_an_await_works_beside_auto_poll() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.auto_poll = true
		_soon(func() -> void: pair.served.put_data([1, 2, 3]), 2)
		_soon(func() -> void: pair.served.disconnect_from_host(), 3)
		var result := await SocketAwait.end(pair.client, PATIENCE)
		check_eq([result.error, result.data], [OK, PackedByteArray([1, 2, 3])], kind + ": everything")


func test_an_await_leaves_no_connection_and_no_reference() -> void:
	var pair := link(family.local_kind())
	var weak: WeakRef = weakref(pair.client)
	await _wait_in_vain(pair.client)
	pair.client = null
	await until(func() -> bool: return weak.get_ref() == null, "the peer to be freed")


func test_the_end_of_a_half_open_stream_ends_the_await() -> void:
	for kind: String in family.kinds():
		for wait: Callable in _waits().slice(0, 3):
			var pair := link(kind)
			pair.client.allow_half_open = true
			pair.served.put_data([1, 2])
			_soon(func() -> void: pair.served.disconnect_from_host(), 2)
			var result: SocketAwait.Result = await wait.call(pair.client, PATIENCE)
			check_eq(result.error, ERR_FILE_EOF, kind + ": error")
			check_eq(result.data + pair.client.receive(), PackedByteArray([1, 2]),
					kind + ": nothing is lost")
		var pair := link(kind)
		pair.client.allow_half_open = true
		var packets := PacketPeerSocketRs.new()
		packets.stream = pair.client
		_soon(func() -> void: pair.served.disconnect_from_host(), 2)
		check_eq((await SocketAwait.packet(packets, PATIENCE)).error, ERR_FILE_EOF, kind + ": a packet")


func test_a_node_that_is_freed_ends_its_awaits() -> void:
	for way: String in Client.WAYS:
		for at_once: bool in [true, false]:
			var pair := link(family.local_kind())
			var node := _added(Client.new())
			node.run(way, pair.client)
			if not at_once:
				await _frames(2)
			node.queue_free()
			node = null
			await _frames(2)
			pair.served.put_data("for the next scene\n".to_ascii_buffer())
			arrived(pair.client, 19)
			await _frames(2)
			check_eq(pair.client.get_available_bytes(), 19, way + ": the line is unread")
			check_eq(pair.client.get_signal_connection_list("disconnected"), [],
					way + ": no connection to the signal is left")


func test_a_node_that_is_freed_frees_its_awaited_peer() -> void:
	for way: String in Client.WAYS:
		var end := endpoint(family.local_kind())
		var node := _added(Client.new())
		_dial_from(node, way, end)
		var served := accept(end)
		await _frames(2)
		node.queue_free()
		node = null
		await until(func() -> bool:
			served.poll()
			return served.get_status() != STATUS_CONNECTED, way + ": the end on the server's side")


func test_a_handler_can_free_the_awaiting_node() -> void:
	var pair := link(family.local_kind())
	var node := _added(Client.new())
	node.run("with a member variable", pair.client)
	await _frames(2)
	pair.client.data_available.connect(node.free)
	pair.served.put_data("line\n".to_ascii_buffer())
	var weak: WeakRef = weakref(node)
	node = null
	await until(func() -> bool: return weak.get_ref() == null, "the handler")
	check_eq(pair.client.read_line(), "line", "the line is still there")


func test_a_call_can_be_awaited_later() -> void:
	var pair := link(family.local_kind())
	var coroutine: Object = (SocketAwait as Object).call("line", pair.client, PATIENCE)
	await _frames(3)
	pair.served.put_data("line\n".to_ascii_buffer())
	var result: SocketAwait.Result = await coroutine
	check_eq([result.error, result.text()], [OK, "line"], "awaited later")


func test_a_freed_peer_ends_its_await() -> void:
	for as_packets: bool in [false, true]:
		var pair := link(family.local_kind())
		_peer = pair.client
		_packets = PacketPeerSocketRs.new()
		_packets.stream = pair.client
		pair.client = null
		var errors: Array[Error] = []
		_await_member(as_packets, errors)
		await _frames(2)
		_peer = null
		_packets = null
		await until(func() -> bool: return not errors.is_empty(), "the await to end with its peer")
		check_eq(errors, [ERR_SKIP] as Array[Error], "error")
		check(pair.served != null, "the other side is kept until here")
	for wait: Callable in _waits() + [_connect_wait()]:
		check_eq((await wait.call(null, PATIENCE)).error, ERR_INVALID_PARAMETER, "no peer")
	check_eq((await SocketAwait.packet(null, PATIENCE)).error, ERR_INVALID_PARAMETER, "no packets")
	check_eq((await SocketAwait.packet(PacketPeerSocketRs.new(), PATIENCE)).error, ERR_UNCONFIGURED,
			"no stream")


func test_replacing_the_stream_ends_the_await_of_a_packet() -> void:
	var pair := link(family.local_kind())
	var packets := PacketPeerSocketRs.new()
	packets.stream = pair.client
	_soon(func() -> void: packets.stream = family.peer(family.local_kind()), 2)
	check_eq((await SocketAwait.packet(packets, PATIENCE)).error, ERR_SKIP, "error")


func test_awaits_on_one_peer_read_in_the_order_of_the_calls() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var lines: Array[SocketAwait.Result] = []
		for i in 2:
			_keep_result(func(peer: StreamPeerSocketRs, seconds: float) -> SocketAwait.Result:
				return await SocketAwait.line(peer, seconds), pair.client, lines)
		_soon(func() -> void: pair.served.put_data("first\nsecond\n".to_ascii_buffer()), 2)
		await until(func() -> bool: return lines.size() == 2, kind + ": both to end")
		var texts := lines.map(func(result: SocketAwait.Result) -> String: return result.text())
		check_eq(texts, ["first", "second"], kind + ": in the order of the calls")
		# The end of the connection ends both.
		lines.clear()
		for wait: Callable in _waits().slice(0, 2):
			_keep_result(wait, pair.client, lines)
		_soon(func() -> void: pair.served.disconnect_from_host(), 2)
		await until(func() -> bool: return lines.size() == 2, kind + ": both to end with the connection")
		check_eq(lines.map(func(result: SocketAwait.Result) -> Error: return result.error),
				[ERR_FILE_EOF, ERR_FILE_EOF], kind)


func test_an_await_works_beside_a_group_and_a_handler_that_polls() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := StreamPeerSocketGroupRs.new()
		group.add(pair.client)
		group.auto_poll = true
		var polled := [0]
		# The handler must not keep the peer alive.
		var weak: WeakRef = weakref(pair.client)
		pair.client.data_available.connect(func() -> void:
			polled[0] += 1
			# Data that is still unread is reported by each poll, this one included.
			if polled[0] % 2 == 1:
				weak.get_ref().poll())
		for i in 3:
			_soon(func() -> void: pair.served.put_data("line\n".to_ascii_buffer()), 2)
			var result := await SocketAwait.line(pair.client, PATIENCE)
			check_eq([result.error, result.text()], [OK, "line"], kind + ": a line")
		_soon(func() -> void: pair.served.disconnect_from_host(), 2)
		check_eq((await SocketAwait.line(pair.client, PATIENCE)).error, ERR_FILE_EOF, kind + ": the end")
		check(polled[0] > 0, kind + ": the handler has polled")


func test_connected_returns_the_outcome_of_the_connect() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var client := dial(end)
		check_eq((await SocketAwait.connected(client, PATIENCE)).error, OK, kind + ": connected")
		check_eq(client.get_status(), STATUS_CONNECTED, kind + ": status")
		check_eq((await SocketAwait.connected(client, PATIENCE)).error, OK, kind + ": still connected")
		client.disconnect_from_host()
		check_eq((await SocketAwait.connected(client, PATIENCE)).error, ERR_SKIP,
				kind + ": disconnected meanwhile")
		check_eq((await SocketAwait.connected(client, PATIENCE)).error, ERR_UNCONFIGURED,
				kind + ": no connection")
	var end := small_endpoint("tcp")
	var queue := fill(end)
	var peer: StreamPeerTCPRs = queue.back()
	check_eq((await SocketAwait.connected(peer, 0.02)).error, ERR_TIMEOUT, "timed out")
	check_eq(peer.get_status(), STATUS_CONNECTING, "the peer keeps connecting")
	_soon(func() -> void: peer.disconnect_from_host(), 2)
	check_eq((await SocketAwait.connected(peer, PATIENCE)).error, ERR_SKIP, "cancelled")
	end = endpoint("tcp")
	end.stop()
	check_eq((await SocketAwait.connected(dial(end), PATIENCE)).error, ERR_CONNECTION_ERROR, "refused")


## The answer comes some frames after one that takes longer than the limit.
func test_a_long_frame_does_not_end_an_await() -> void:
	var pair := link("tcp")
	_soon(func() -> void: OS.delay_msec(1300), 1)
	_soon(func() -> void: pair.served.put_u8(7), 4)
	check_eq((await SocketAwait.bytes(pair.client, 1, 1.0)).error, OK, "the answer")
	_soon(func() -> void: OS.delay_msec(1300), 1)
	check_eq((await SocketAwait.bytes(pair.client, 1, 0.3)).error, ERR_TIMEOUT, "the limit")


func test_connected_succeeds_even_if_the_connection_ended_at_once() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var client := dial(end)
		accept(end).disconnect_from_host()
		check_eq((await SocketAwait.connected(client, PATIENCE)).error, OK, kind + ": it was connected")


## Random bytes in random pieces, four kinds of ends and five kinds of awaits, with and without a
## group, auto_poll and half-open streams, many at once. The result of each await is computed and
## compared.
func test_random_streams_give_the_expected_results() -> void:
	var done := [0]
	for i in 200:
		_one_random_stream(i, done)
		if i % 20 == 19:
			# Each stream counts twice: once for each side.
			await until(func() -> bool: return done[0] == 2 * (i + 1), "twenty awaits to end")


func _one_random_stream(number: int, done: Array) -> void:
	var random := RandomNumberGenerator.new()
	random.seed = number
	var kind: String = family.kinds()[random.randi() % family.kinds().size()]
	var pair := link(kind)
	var peer: StreamPeerSocketRs = pair.client
	peer.auto_poll = random.randi() % 2 == 0
	peer.allow_half_open = random.randi() % 2 == 0
	var group := StreamPeerSocketGroupRs.new()
	if random.randi() % 3 == 0:
		group.add(peer)
		group.auto_poll = true
	var bytes := PackedByteArray()
	for k in random.randi() % 120:
		bytes.append("\n\rABC"[random.randi() % 5].unicode_at(0) if random.randi() % 4 == 0
				else 0x61 + random.randi() % 9)
	var how: String = ["end", "half", "reset", "none"][random.randi() % 4]
	if how == "reset" and (kind != "tcp" or System.is_wine()):
		how = "end"
	var what: String = ["bytes", "line", "until", "end", "packet"][random.randi() % 5]
	var count := random.randi() % 100
	# The number of bytes before the result's end, or -1, and the error in that case.
	var wanted := {"bytes": count if count <= bytes.size() else -1, "line": bytes.find(0x0a),
			"packet": bytes.find(0x0a), "until": bytes.find(0x41), "end": -1}[what] as int
	var over: Error = {"end": ERR_FILE_EOF, "half": ERR_FILE_EOF, "reset": ERR_CONNECTION_ERROR,
			"none": ERR_TIMEOUT}[how]
	if what == "end" and over == ERR_FILE_EOF:
		wanted = bytes.size()
	var limit := PATIENCE if wanted >= 0 or over != ERR_TIMEOUT else 0.1
	_feed(random, pair.served, bytes, how, done)
	var result: SocketAwait.Result
	match what:
		"bytes":
			result = await SocketAwait.bytes(peer, count, limit)
		"line":
			result = await SocketAwait.line(peer, limit)
		"until":
			result = await SocketAwait.until(peer, "A", limit)
		"end":
			result = await SocketAwait.end(peer, limit)
		"packet":
			var packets := PacketPeerSocketRs.new()
			packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
			packets.stream = peer
			result = await SocketAwait.packet(packets, limit)
	var label := "%d: %s, %s, %s" % [number, kind, what, how]
	check_eq(result.error, OK if wanted >= 0 else over, label)
	if result.error == OK:
		var found := bytes.slice(0, wanted)
		if what == "line" and not found.is_empty() and found[-1] == 0x0d:
			found = found.slice(0, -1)
		check_eq(result.data, found, label)
	else:
		check_eq(result.data, bytes.slice(0, result.data.size()), label + ": a part")
	done[0] += 1


func _feed(random: RandomNumberGenerator, peer: StreamPeerSocketRs, bytes: PackedByteArray,
		how: String, done: Array) -> void:
	var sent := 0
	while sent < bytes.size():
		var size := 1 + random.randi() % 40
		peer.put_data(bytes.slice(sent, sent + size))
		sent += size
		if random.randi() % 3 > 0:
			await _frames(1)
	match how:
		"end":
			peer.disconnect_from_host()
		"half":
			peer.shutdown_write()
		"reset":
			# A reset discards bytes that are not received yet.
			await _frames(3)
			peer.abort()
	done[0] += 1


func test_awaits_without_a_scene_tree_are_refused() -> void:
	if not EngineProcess.available():
		return skip("a second engine cannot be run here")
	var run := EngineProcess.run("children/await_without_tree.gd")
	var lines: PackedStringArray = run.output.split("\n")
	check(lines.has("errors: %s"
			% [[ERR_UNAVAILABLE, ERR_UNAVAILABLE, ERR_UNAVAILABLE, ERR_UNAVAILABLE, ERR_UNAVAILABLE,
			ERR_UNAVAILABLE]]), run.output)
	check(lines.has("unread: 5") and not run.output.contains("ERROR"), run.output)


func test_quitting_during_an_await_leaks_nothing() -> void:
	if not EngineProcess.available():
		return skip("a second engine cannot be run here")
	var run := EngineProcess.run("children/quit_during_await.gd")
	check_eq(run.code, 0, "exit code")
	for problem: String in ["ERROR", "WARNING", "leaked"]:
		check(not run.output.contains(problem), run.output)


# A node with its peer, and several ways to await.
class Client extends Node:
	const WAYS := ["with a variable of its own", "with a member variable", "by a static function",
			"by two", "by a lambda"]

	var peer: StreamPeerSocketRs

	func run(way: String, with: StreamPeerSocketRs) -> void:
		if way == "with a variable of its own":
			await SocketAwait.line(with, PATIENCE)
			return
		peer = with
		with = null
		match way:
			"with a member variable":
				await SocketAwait.line(peer, PATIENCE)
			"by a static function":
				await ask(peer)
			"by two":
				await ask_for(peer)
			"by a lambda":
				var lambda := func() -> void: await SocketAwait.line(peer, PATIENCE)
				await lambda.call()

	static func ask(of: StreamPeerSocketRs) -> SocketAwait.Result:
		return await SocketAwait.line(of, PATIENCE)

	static func ask_for(of: StreamPeerSocketRs) -> String:
		return (await ask(of)).text()


# A function of its own, because a caller may keep the object in a temporary until it returns.
func _dial_from(node: Client, way: String, end: Endpoint) -> void:
	node.run(way, dial(end))


func _added(node: Client) -> Client:
	(Engine.get_main_loop() as SceneTree).root.add_child(node)
	return node


# Awaits without a local variable that references the peer.
func _await_member(as_packets: bool, errors: Array[Error]) -> void:
	if as_packets:
		errors.append((await SocketAwait.packet(_packets, PATIENCE)).error)
	else:
		errors.append((await SocketAwait.line(_peer, PATIENCE)).error)


func _keep_result(wait: Callable, peer: StreamPeerSocketRs,
		into: Array[SocketAwait.Result]) -> void:
	var awaited := wait.bind(peer, PATIENCE)
	peer = null
	into.append(await awaited.call())


func _connect_wait() -> Callable:
	return func(peer: StreamPeerSocketRs, seconds: float) -> SocketAwait.Result:
		return await SocketAwait.connected(peer, seconds)


func _frames(count: int) -> void:
	for i in count:
		await (Engine.get_main_loop() as SceneTree).process_frame


# A function of its own, because a caller may keep the object in a temporary until it returns.
func _wait_in_vain(peer: StreamPeer) -> void:
	await SocketAwait.bytes(peer, 1, 0.02)
	for name: String in ["status_changed", "connect_finished", "disconnected", "data_available"]:
		check_eq(peer.get_signal_connection_list(name), [], name)


# Every kind of await, for bytes that never arrive.
func _waits() -> Array[Callable]:
	return [
		func(peer: StreamPeerSocketRs, seconds: float) -> SocketAwait.Result:
			return await SocketAwait.bytes(peer, 10, seconds),
		func(peer: StreamPeerSocketRs, seconds: float) -> SocketAwait.Result:
			return await SocketAwait.line(peer, seconds),
		func(peer: StreamPeerSocketRs, seconds: float) -> SocketAwait.Result:
			return await SocketAwait.until(peer, "--", seconds),
		func(peer: StreamPeerSocketRs, seconds: float) -> SocketAwait.Result:
			return await SocketAwait.end(peer, seconds),
	]


# Calls `body` after this number of frames.
func _soon(body: Callable, frames: int) -> void:
	for i in frames:
		await (Engine.get_main_loop() as SceneTree).process_frame
	body.call()
