extends "res://tests/support/test_case.gd"
## The addon's `socket_reconnect.gd`: a client that stays connected, whatever ends its connections.

const SocketReconnect := preload("res://addons/stream_peer_socket_rs/socket_reconnect.gd")

# Short waits, so that many attempts fit into a test.
const SHORT := 0.01

var _client: SocketReconnect
var _peer: StreamPeerSocketRs
# What the client has emitted.
var _connects := 0
var _waits: Array[float] = []
var _has_given_up := false


func test_it_connects_once_the_server_is_there_and_greets() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		end.stop()
		_begin(kind, end)
		_client.greeting = "hello\n".to_utf8_buffer()
		await until(func() -> bool: return _waits.size() >= 3, kind + ": three refused attempts")
		check(not _client.reason.is_empty(), kind + ": a reason")
		check_eq(end.reopen(), OK, kind + ": listen")
		await until(func() -> bool: return _connects == 1, kind + ": the connect")
		var served := accept(end)
		await until(func() -> bool: return served.get_available_bytes() == 6, kind + ": the greeting")
		check_eq(served.read_line(), "hello", kind + ": the greeting")
		_finish()


func test_it_connects_again_after_every_kind_of_end() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		_begin(kind, end)
		_client.greeting = "again\n".to_utf8_buffer()
		_peer.data_available.connect(_read_lines.bind(_peer))
		for round in 8:
			await until(func() -> bool: return _connects == round + 1, "%s: connect %d" % [kind, round])
			var served := accept(end)
			await until(func() -> bool: return served.get_available_bytes() > 0, kind + ": the greeting")
			check_eq(served.read_line(), "again", kind + ": the greeting")
			match round % 4:
				0: served.disconnect_from_host()
				1: served.abort()
				2:
					served.put_data("half a li".to_utf8_buffer())
					served.disconnect_from_host()
				3: _peer.disconnect_from_host()
		await until(func() -> bool: return _connects == 9, kind + ": the last connect")
		check_eq(_waits.size(), 8, kind + ": one wait for each end")
		_finish()


func test_packets_are_greeted_and_survive_an_end_within_a_packet() -> void:
	var end := endpoint("tcp")
	var packets := PacketPeerSocketRs.new()
	packets.stream = StreamPeerTCPRs.new()
	_begin("tcp", end, packets)
	_client.greeting = "hello".to_utf8_buffer()
	var received: Array[String] = []
	packets.packet_received.connect(func(packet: PackedByteArray) -> void:
		received.append(packet.get_string_from_utf8()))
	for round in 3:
		await until(func() -> bool: return _connects == round + 1, "a connect")
		var served := PacketPeerSocketRs.new()
		served.stream = accept(end)
		await until(func() -> bool: return served.get_available_packet_count() == 1, "the greeting")
		check_eq(served.get_text(), "hello", "the greeting")
		served.put_text("whole")
		# The beginning of a packet of 100 bytes, and the end of the stream.
		served.stream.put_data(PackedByteArray([100, 0, 0, 0, 1, 2, 3]))
		served.stream.disconnect_from_host()
	await until(func() -> bool: return _connects == 4, "the last connect")
	check_eq(received, ["whole", "whole", "whole"] as Array[String], "the packets before each end")
	_finish()


func test_a_server_that_sends_nothing_is_disconnected() -> void:
	var end := endpoint("tcp")
	_begin("tcp", end)
	_client.silence_timeout = 0.3
	await until(func() -> bool: return _connects == 3, "three connects")
	check_eq(_client.reason, "receive from %s:%d: nothing received for 0.3 s" % [end.host, end.port],
			"the reason")
	_finish()


func test_a_server_that_sends_is_not_disconnected() -> void:
	var end := endpoint("tcp")
	_begin("tcp", end)
	_client.silence_timeout = 0.4
	await until(func() -> bool: return _connects == 1, "the connect")
	var served := accept(end)
	for _i in 12:
		served.put_u8(1)
		# Longer than the limit in all. The bytes stay unread.
		await Engine.get_main_loop().create_timer(0.1).timeout
	check_eq([_connects, _waits], [1, [] as Array[float]], "one connection")
	# A frame longer than the limit, while nothing came.
	OS.delay_msec(500)
	await Engine.get_main_loop().process_frame
	await Engine.get_main_loop().process_frame
	check_eq(_connects, 1, "a busy game is not a silent server")
	_finish()


func test_a_server_that_falls_silent_is_disconnected_at_the_limit() -> void:
	var end := endpoint("tcp")
	_begin("tcp", end)
	_client.silence_timeout = 1.0
	await until(func() -> bool: return _connects == 1, "the connect")
	# From here on the test calls `_advance` itself, with frames of a quarter of a second.
	_client.set_process(false)
	var served := accept(end)
	served.put_u8(1)
	await until(func() -> bool: return _peer.get_available_bytes() == 1, "a byte")
	_client._advance(0.25)
	_peer.get_u8()
	for _i in 3:
		_client._advance(0.25)
	check_eq(_waits.size(), 0, "0.75 seconds of silence")
	for _i in 2:
		_client._advance(0.25)
	check_eq(_waits.size(), 1, "1.25 seconds of silence")
	_finish()


func test_its_times_do_not_depend_on_the_speed_of_the_game() -> void:
	var end := endpoint("tcp")
	var speed := Engine.time_scale
	for scale: float in [0.0, 10.0]:
		Engine.time_scale = scale
		var began := Time.get_ticks_usec()
		_begin("tcp", end)
		_client.min_delay = 0.5
		_client.max_delay = 0.5
		_client.jitter = 0.0
		_client.silence_timeout = 0.5
		await until(func() -> bool: return _connects == 2, "speed %.0f: the second connect" % scale)
		var seconds := (Time.get_ticks_usec() - began) / 1e6
		check(seconds >= 0.999, "speed %.0f: silence and wait took %.3f s" % [scale, seconds])
		_finish()
	Engine.time_scale = speed


func test_it_gives_up_after_max_attempts_failures_in_a_row() -> void:
	var end := endpoint("tcp")
	end.stop()
	_begin("tcp", end)
	_client.max_attempts = 4
	await until(func() -> bool: return _has_given_up, "giving up")
	check_eq(_waits.size(), 3, "waits before it gives up")
	check_eq(_peer.get_status(), STATUS_NONE, "status")
	check(_client.reason.contains("connect"), "the reason: " + _client.reason)
	_finish()


func test_a_malformed_address_is_not_tried_again() -> void:
	var end := endpoint("tcp")
	_begin("tcp", end)
	quietly(func() -> void:
		check_eq(_client.start(_peer, "256.1.1.1", 4000), OK, "start")
		for _i in 3:
			_client._process(0.016))
	check_eq([_has_given_up, _waits.size()], [true, 0], "it gives up at once")
	_finish()


func test_a_name_that_does_not_resolve_is_tried_again() -> void:
	var end := endpoint("tcp")
	_begin("tcp", end)
	check_eq(_client.start(_peer, "no-such-host.invalid", 4000), OK, "start")
	await until(func() -> bool: return _waits.size() == 2, "two attempts", 60.0)
	check(_client.reason.contains("no-such-host.invalid"), "the reason: " + _client.reason)
	_finish()


func test_waits_double_within_their_bounds_and_begin_anew_after_a_success() -> void:
	var end := endpoint("tcp")
	end.stop()
	_begin("tcp", end)
	_client.min_delay = 0.004
	_client.max_delay = 0.03
	_client.jitter = 0.5
	await until(func() -> bool: return _waits.size() >= 8, "eight waits")
	var bound := 0.004
	for wait in _waits.slice(0, 8):
		check(wait <= bound + 1e-6 and wait >= bound / 2 - 1e-6, "%f is a part of %f" % [wait, bound])
		bound = minf(bound * 2, 0.03)
	_client.jitter = 0.0
	check_eq(end.reopen(), OK, "listen")
	await until(func() -> bool: return _connects == 1, "the connect")
	var served := accept(end)
	served.put_u8(1)
	await until(func() -> bool: return _peer.get_available_bytes() == 1, "a byte")
	_peer.get_u8()
	served.disconnect_from_host()
	_waits.clear()
	await until(func() -> bool: return _waits.size() == 1, "a wait")
	check_eq(_waits, [0.004] as Array[float], "the first wait again")
	_finish()


func test_stop_ends_whatever_is_under_way() -> void:
	var end := endpoint("tcp")
	for when in ["waiting", "connecting", "connected"]:
		_begin("tcp", end)
		if when == "waiting":
			_client.min_delay = 1000.0
			check_eq(_client.start(_peer, LOOPBACK, 1), OK, "start")
			await until(func() -> bool: return _waits.size() == 1, "a wait")
		elif when == "connected":
			await until(func() -> bool: return _connects == 1, "the connect")
		_client.stop()
		_client.stop()
		check_eq(_peer.get_status(), STATUS_NONE, when + ": status")
		var before := _connects
		for _i in 5:
			await Engine.get_main_loop().process_frame
		check_eq([_connects, _has_given_up], [before, false], when + ": nothing more")
		_finish()


func test_handlers_may_stop_start_and_free_it() -> void:
	var end := endpoint("tcp")
	for what in ["stop", "start", "free"]:
		for on in ["connected", "waiting", "disconnected", "connect_finished"]:
			_begin("tcp", end)
			var act := _act.bind(what, end)
			if on == "connected":
				_client.connect(on, act, CONNECT_ONE_SHOT)
			elif on == "waiting":
				_client.connect(on, act.unbind(1), CONNECT_ONE_SHOT)
			else:
				_peer.connect(on, act.unbind(1), CONNECT_ONE_SHOT)
			await until(func() -> bool: return end.server.is_connection_available(), "a client")
			var served := accept(end)
			await Engine.get_main_loop().process_frame
			served.disconnect_from_host()
			for _i in 20:
				await Engine.get_main_loop().process_frame
			var client: Variant = _client
			check_eq(is_instance_valid(client), what != "free", "%s on %s: the node" % [what, on])
			_finish()
			while end.server.is_connection_available():
				end.server.take_connection()


func test_an_object_that_is_not_a_peer_is_refused() -> void:
	var client := SocketReconnect.new()
	check_eq(client.start(null, LOOPBACK, 1), ERR_INVALID_PARAMETER, "null")
	check_eq(client.start(PacketPeerSocketRs.new(), LOOPBACK, 1), ERR_INVALID_PARAMETER, "no stream")
	check_eq(client.start(TCPServerRs.new(), LOOPBACK, 1), ERR_INVALID_PARAMETER, "a server")
	client.stop()
	client.free()


func test_the_connection_ends_with_the_node() -> void:
	var end := endpoint("tcp")
	_begin("tcp", end)
	await until(func() -> bool: return _connects == 1, "the connect")
	var served := accept(end)
	_client.free()
	check_eq(_peer.get_status(), STATUS_NONE, "status")
	await until(func() -> bool:
		served.poll()
		return served.get_status() == STATUS_NONE, "the end")
	_finish()


func _begin(kind: String, end: Endpoint, over: RefCounted = null) -> void:
	_connects = 0
	_waits.clear()
	_has_given_up = false
	_client = SocketReconnect.new()
	_client.min_delay = SHORT
	_client.max_delay = SHORT
	_client.connected.connect(_on_connected)
	_client.waiting.connect(_on_waiting)
	_client.gave_up.connect(_on_gave_up)
	var packets := over as PacketPeerSocketRs
	_peer = packets.stream if packets != null else family.peer(kind)
	Engine.get_main_loop().root.add_child(_client)
	check_eq(_start(end, over if over != null else _peer), OK, kind + ": start")


func _start(end: Endpoint, over: RefCounted) -> Error:
	return _client.start(over, end.host if end.kind == "tcp" else end.path, end.port)


func _finish() -> void:
	var client: Variant = _client
	if is_instance_valid(client):
		_client.stop()
		_client.free()
	_client = null
	_peer = null


func _act(what: String, end: Endpoint) -> void:
	match what:
		"stop": _client.stop()
		"start": _start(end, _peer)
		"free": _client.queue_free()


func _read_lines(peer: StreamPeerSocketRs) -> void:
	while peer.read_line() != null:
		pass


func _on_connected() -> void:
	_connects += 1


func _on_waiting(seconds: float) -> void:
	_waits.append(seconds)


func _on_gave_up() -> void:
	_has_given_up = true
