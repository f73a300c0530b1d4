extends "res://tests/support/test_case.gd"
## Wherever a script learns that a connection is over, `get_last_error_message` says the same: in
## the handlers of all signals, after each call, of a packet peer and of its stream, of a peer that
## is polled alone and of one in a group, and in the result of an await.

const SocketAwait := preload("res://addons/stream_peer_socket_rs/socket_await.gd")

## More than all buffers between two ends.
const BIG := 32 << 20


## A client whose connection ends, and how the script learns of it.
class Client:
	var stream: StreamPeerSocketRs
	## Null if the stream has no packet peer.
	var packets: PacketPeerSocketRs
	## Null if it is polled alone.
	var group: StreamPeerSocketGroupRs
	## What the case needs besides: the other end, servers, a relay.
	var others := []
	## For each signal: the messages of the stream and of the packet peer in its handler.
	var texts := {}

	func watch() -> void:
		# The handlers must not capture this object.
		var entries := texts
		var seen: WeakRef = weakref(stream)
		var packets_seen: WeakRef = weakref(packets)
		var note := func(name: String) -> void:
			var texts := [seen.get_ref().get_last_error_message()]
			if packets_seen.get_ref() != null:
				texts.append(packets_seen.get_ref().get_last_error_message())
			entries[name] = texts
		stream.disconnected.connect(func(_error: int) -> void: note.call("disconnected"))
		stream.connect_finished.connect(func(error: int) -> void:
			if error != OK:
				note.call("connect_finished"))
		stream.status_changed.connect(func(status: int) -> void:
			if status in [STATUS_NONE, STATUS_ERROR]:
				note.call("status_changed"))
		if packets != null:
			packets.failed.connect(func(_error: int) -> void: note.call("failed"))
		if group != null:
			group.add(stream if packets == null else packets)
			group.peer_disconnected.connect(
					func(_peer: RefCounted, _error: int) -> void: note.call("peer_disconnected"))

	func poll() -> void:
		for other: Object in others:
			if other is SocketRelayRs:
				other.poll()
		if group != null:
			group.poll()
		elif packets != null:
			packets.poll()
		else:
			stream.poll()

	func is_over() -> bool:
		return (stream.get_status() in [STATUS_NONE, STATUS_ERROR]
				and texts.has("status_changed")
				and (group == null or texts.has("peer_disconnected")))


func test_a_connect_that_fails_has_one_reason() -> void:
	for client in _clients():
		var kind := _kind(client)
		var what := "%s: refused" % _name(client)
		var end := endpoint(kind)
		end.stop()
		client.watch()
		if quietly(func() -> int: return end.connect_peer(client.stream)) == OK:
			_ends(client, "connect *refused", what)
		else:
			# It failed at once, without a signal.
			_is_everywhere(client, "connect * no such file or directory", what)

	for client in _clients(["tcp"]):
		client.watch()
		var what := _name(client) + ": not resolved"
		if client.stream.connect_to_host("no-such-host.invalid", 4000) == OK:
			_ends(client, "resolve no-such-host.invalid: *", what)
		client = _client("tcp", client.packets != null, false)
		check_eq(client.stream.connect_to_host("256.1.1.1", 4000), ERR_CANT_RESOLVE, what)
		_is_everywhere(client, "resolve 256.1.1.1: *", what + " at once")


func test_a_connect_that_times_out_has_one_reason() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		for client in _clients([kind]):
			client.stream.connect_timeout = 0.02
			client.watch()
			end.connect_peer(client.stream)
			_ends(client, "connect *: timed out", _name(client) + ": timeout")
		check(not queue.is_empty(), "the backlog was full all the time")


func test_an_end_by_the_other_side_has_one_reason() -> void:
	for client in _clients():
		var served := _connected(client)
		served.disconnect_from_host()
		_ends(client, "receive from *: end of stream", _name(client) + ": end of stream")
	if not distinguishes_resets():
		return
	for client in _clients(["tcp"]):
		var served := _connected(client)
		served.abort()
		_ends(client, "receive from *: connection reset by peer", _name(client) + ": reset")


func test_a_failed_send_has_one_reason() -> void:
	if not distinguishes_resets():
		return
	for client in _clients():
		var served := _connected(client)
		served.abort()
		var what := _name(client) + ": a send after a reset"
		# The reason is the same, whether the send or a receive finds the reset first.
		var put := func() -> int:
			var block := PackedByteArray()
			block.resize(100)
			return (client.stream.put_data(block) if client.packets == null
					else client.packets.put_packet(block))
		spin_until(func() -> bool: return put.call() != OK, what)
		_ends(client, "*", what)


func test_an_invalid_packet_has_one_reason() -> void:
	var cases := [
		["an end within a packet", PackedByteArray([9, 0, 0, 0, 1]),
				"receive from *: end of stream within a packet"],
		["a malformed packet", PackedByteArray([1, 0, 0, 0, 1]),
				"receive from *: malformed packet: *"],
		["a packet that is too long", PackedByteArray([0, 1, 0, 0, 1]),
				"receive from *: packet of 256 bytes exceeds the limit of 100"],
	]
	for case: Array in cases:
		for client in _clients():
			if client.packets == null:
				continue
			client.packets.max_packet_bytes = 100
			client.packets.length_includes_itself = case[0] == "a malformed packet"
			var served := _connected(client)
			served.put_data(case[1])
			if case[0] == "an end within a packet":
				served.disconnect_from_host()
			_ends(client, case[2], "%s: %s" % [_name(client), case[0]])
			check(client.texts.has("failed"), _name(client) + ": failed")


func test_an_end_by_this_side_needs_no_reason() -> void:
	for way: String in ["disconnect_from_host", "abort"]:
		for client in _clients():
			var served := _connected(client)
			client.stream.call(way)
			spin_until(func() -> bool:
				client.poll()
				return client.is_over(), way)
			for name: String in client.texts:
				for text: String in client.texts[name]:
					check_eq(text, "", "%s: %s, %s" % [_name(client), way, name])
			check(served != null, "the other end lives until here")


func test_a_peer_that_never_reads_has_one_reason() -> void:
	for client in _clients():
		if client.group == null:
			continue
		client.stream.write_buffer_limit = BIG * 2
		var served := _connected(client)
		client.group.max_stalled_seconds = 0.2
		var data := PackedByteArray()
		data.resize(BIG)
		var put: int = (client.stream.put_data(data) if client.packets == null
				else client.packets.put_packet(data.slice(0, 16 << 20)))
		check_eq(put, OK, "put")
		_ends(client, "send to *: nothing accepted for *.* s", _name(client) + ": stalled")
		check(served != null, "the other end lives until here")


func test_a_packet_that_a_timeout_cuts_has_one_reason() -> void:
	for client in _clients():
		if client.packets == null:
			continue
		client.stream.write_timeout = 0.02
		var errors := []
		client.stream.disconnected.connect(func(error: int) -> void: errors.append(error))
		var served := _connected(client)
		var data := PackedByteArray()
		data.resize(16 << 20)
		check_eq(client.packets.put_packet(data), ERR_TIMEOUT, "put_packet")
		_ends(client, "send to *: timed out after * bytes", _name(client) + ": a cut packet")
		check_eq(errors, [ERR_TIMEOUT], "disconnected")
		check(served != null, "the other end lives until here")


func test_a_line_that_a_relay_cuts_has_one_reason() -> void:
	for client in _clients():
		var kind := _kind(client)
		var end := endpoint(kind)
		var relay := SocketRelayRs.new()
		if kind == "tcp":
			relay.set_target_host(LOOPBACK, end.port)
			check_eq(relay.listen(0, LOOPBACK), OK, "listen")
		else:
			relay.set_target_path(end.path)
			check_eq(relay.listen_at_path(fresh_path()), OK, "listen_at_path")
		client.others = [relay, end]
		client.watch()
		var connected: int = (
				client.stream.connect_to_host(LOOPBACK, relay.get_local_port()) if kind == "tcp"
				else client.stream.connect_to_host(relay.get_listen_path()))
		check_eq(connected, OK, "connect")
		spin_until(func() -> bool:
			client.poll()
			return end.server.is_connection_available(), "the link")
		client.others.append(end.server.take_connection())
		spin_until(func() -> bool:
			client.poll()
			return client.stream.get_status() == STATUS_CONNECTED, "the connection")
		client.texts.clear()
		relay.abort_all()
		_ends(client, "receive from *", _name(client) + ": a relay cuts it")


func test_the_result_of_an_await_has_the_same_reason() -> void:
	for with_packets: bool in [false, true]:
		var ways := ["end", "local", "refused", "timeout"]
		if not System.is_wine():
			ways.append("reset")
		for way: String in ways:
			var client := _client("tcp", with_packets, false)
			var end: Endpoint
			var served: StreamPeer
			if way == "refused":
				end = endpoint("tcp")
				end.stop()
				check_eq(end.connect_peer(client.stream), OK, "connect_to_host")
			else:
				served = _connected(client)
			var results := []
			var wait := func() -> void:
				if with_packets:
					results.append(await SocketAwait.packet(client.packets, 0.2))
				else:
					results.append(await SocketAwait.line(client.stream, 0.2))
			wait.call()
			match way:
				"end": served.disconnect_from_host()
				"reset": served.abort()
				"local": client.stream.disconnect_from_host()
			await until(func() -> bool: return not results.is_empty(), way)
			var message: String = results[0].message
			match way:
				"local": check_eq(message, "await: peer was disconnected on this side", way)
				"timeout": check_eq(message, "await: timed out after 0.2 s", way)
				_:
					check(not message.is_empty(), way + ": a message")
					_is_everywhere(client, message, way)
	var pair := link("tcp")
	pair.served.put_data("line\n".to_ascii_buffer())
	var line: SocketAwait.Result = await SocketAwait.line(pair.client, PATIENCE)
	check_eq([line.error, line.text(), line.message], [OK, "line", ""], "without an error")
	pair.served.put_data("part".to_ascii_buffer())
	line = await SocketAwait.line(pair.client, PATIENCE, 3)
	check_eq([line.error, line.message], [ERR_INVALID_DATA, pair.client.get_last_error_message()],
			"a line that is too long")
	line = await SocketAwait.line(null)
	check_eq(line.error, ERR_INVALID_PARAMETER, "without a peer")
	check(not line.message.is_empty(), "without a peer: a message")


# A client for each kind, plain and with packets, alone and in a group.
func _clients(kinds: PackedStringArray = family.kinds()) -> Array[Client]:
	var clients: Array[Client] = []
	for kind: String in kinds:
		for with_packets: bool in [false, true]:
			for in_group: bool in [false, true]:
				clients.append(_client(kind, with_packets, in_group))
	return clients


func _client(kind: String, with_packets: bool, in_group: bool) -> Client:
	var client := Client.new()
	client.stream = family.peer(kind)
	if with_packets:
		client.packets = PacketPeerSocketRs.new()
		client.packets.stream = client.stream
	if in_group:
		client.group = StreamPeerSocketGroupRs.new()
	return client


func _kind(client: Client) -> String:
	return "uds" if client.stream is StreamPeerUDSRs else "tcp"


func _name(client: Client) -> String:
	return "%s, %s, %s" % [_kind(client), "plain" if client.packets == null else "packets",
			"alone" if client.group == null else "in a group"]


# Connects `client`, watches it, and returns the other end.
func _connected(client: Client) -> StreamPeer:
	var end := endpoint(_kind(client))
	client.others.append(end)
	client.watch()
	check_eq(end.connect_peer(client.stream), OK, "connect")
	var served := accept(end)
	spin_until(func() -> bool:
		client.poll()
		return client.stream.get_status() == STATUS_CONNECTED, "the connection")
	return served


# Polls until the connection of `client` is over. All places have one text that matches `pattern`.
func _ends(client: Client, pattern: String, what: String) -> void:
	spin_until(func() -> bool:
		client.poll()
		return client.is_over(), what)
	_is_everywhere(client, pattern, what)


func _is_everywhere(client: Client, pattern: String, what: String) -> void:
	var text := client.stream.get_last_error_message()
	var expected := pattern
	if OS.has_feature("windows"):
		# Windows has its own words.
		expected = pattern.left(maxi(pattern.rfind(": "), 0)) + "*"
	check(not text.is_empty() and text.match(expected), "%s: %s" % [what, text])
	for name: String in client.texts:
		for shown: String in client.texts[name]:
			check_eq(shown, text, "%s: in the handler of %s" % [what, name])
	var stream := client.stream
	var calls := {
		"get_status": stream.get_status,
		"poll": stream.poll,
	}
	if not client.texts.is_empty():
		# A connection or a connect of this object has ended.
		calls.merge({
			"put_data": stream.put_data.bind(PackedByteArray([1])),
			"put_partial_data": stream.put_partial_data.bind(PackedByteArray([1])),
			"get_data": stream.get_data.bind(1),
			"get_partial_data": stream.get_partial_data.bind(1),
			"receive": stream.receive,
			"read_line": stream.read_line,
			"flush": stream.flush,
			"shutdown_write": stream.shutdown_write,
		})
		if client.packets != null:
			calls.merge({
				"poll of packets": client.packets.poll,
				"get_packet": client.packets.get_packet,
				"put_packet": client.packets.put_packet.bind(PackedByteArray([1])),
				"get_text": client.packets.get_text,
				"count": client.packets.get_available_packet_count,
			})
	for name: String in calls:
		calls[name].call()
		check_eq(stream.get_last_error_message(), text, "%s: after %s" % [what, name])
		if client.packets != null:
			check_eq(client.packets.get_last_error_message(), text,
					"%s: packets, after %s" % [what, name])
			check_eq(client.packets.get_last_error(), stream.get_last_error(),
					"%s: the code, after %s" % [what, name])
