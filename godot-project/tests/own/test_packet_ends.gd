extends "res://tests/support/test_case.gd"
## How the end of a connection is reported to code that reads packets or lines.


# Each framing with the beginning of a packet.
func _framings() -> Array:
	var delimiter := PacketPeerSocketRs.new()
	delimiter.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	var varint := PacketPeerSocketRs.new()
	varint.length_bytes = 0
	var headers := PacketPeerSocketRs.new()
	headers.framing = PacketPeerSocketRs.FRAMING_CONTENT_LENGTH
	return [
		[PacketPeerSocketRs.new(), PackedByteArray([9, 0, 0, 0, 1])],
		[varint, PackedByteArray([0x80])],
		[delimiter, "hal".to_ascii_buffer()],
		[headers, "Content-Length: 7\r\n".to_ascii_buffer()],
		[headers, "Content-Length: 7\r\n\r\nhal".to_ascii_buffer()],
	]


func test_an_end_within_a_packet_is_reported_with_its_error() -> void:
	for kind: String in family.kinds():
		for framing: Array in _framings():
			for way: String in ["end", "reset"]:
				if way == "reset" and (kind == "uds" or not distinguishes_resets()):
					continue
				for listens: bool in [true, false]:
					var what := "%s, %s, %s, %s" % [kind, framing[1], way,
							"with a handler" if listens else "without"]
					var end := endpoint(kind)
					var group := StreamPeerSocketGroupRs.new()
					group.max_members = 1
					group.accept_from(end.server, framing[0])
					var ends := []
					var own := []
					group.peer_connected.connect(func(peer: PacketPeerSocketRs) -> void:
						peer.failed.connect(func(error: int) -> void: own.append(error))
						peer.stream.disconnected.connect(func(error: int) -> void: own.append(error)))
					group.peer_disconnected.connect(func(peer: PacketPeerSocketRs, error: int) -> void:
						ends.append_array([error, peer.get_last_error(), peer.stream.get_last_error(),
								peer.get_last_error_message() == peer.stream.get_last_error_message()])
						check(not peer.get_last_error_message().is_empty(), what + ": a message"))
					if listens:
						group.peer_packet_received.connect(
								func(_peer: RefCounted, _packet: PackedByteArray) -> void: pass)
					var client := dial(end)
					_until(group, func() -> bool: return group.get_count() == 2)
					settle(client)
					client.put_data(framing[1])
					for i in 3:
						group.poll(1)
					if way == "end":
						client.disconnect_from_host()
					else:
						client.abort()
					_until(group, func() -> bool: return not ends.is_empty())
					var code := ERR_FILE_EOF if way == "end" else ERR_CONNECTION_ERROR
					check_eq(ends, [code, code, code, true], what)
					check_eq(own, [code, code], what + ": its own signals")
					check_eq(group.get_count(), 1, what + ": it has left the group")
					let_go(group)


func test_a_packet_peer_without_a_group_reports_an_end_within_a_packet() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := PacketPeerSocketRs.new()
		packets.stream = pair.client
		var events := []
		# The script neither reads packets nor handles their signal.
		packets.failed.connect(func(error: int) -> void: events.append(["failed", error]))
		packets.stream.disconnected.connect(
				func(error: int) -> void: events.append(["disconnected", error]))
		pair.served.put_data([1, 0])
		arrived(pair.client, 2)
		packets.poll()
		pair.served.disconnect_from_host()
		spin_until(func() -> bool:
			packets.poll()
			return events.size() == 2, kind + ": the end")
		check_eq(events, [["failed", ERR_FILE_EOF], ["disconnected", ERR_FILE_EOF]], kind)
		check(packets.get_last_error_message().contains("within a packet"),
				packets.get_last_error_message())

		pair = link(kind)
		packets.stream = pair.client
		events.clear()
		packets.stream.disconnected.connect(
				func(error: int) -> void: events.append(["disconnected", error]))
		pair.served.put_data([0xff, 0xff, 0xff, 0xff])
		spin_until(func() -> bool:
			packets.poll()
			return events.size() == 2, kind + ": a malformed packet")
		check_eq(events, [["failed", ERR_INVALID_DATA], ["disconnected", ERR_INVALID_DATA]],
				kind + ": too long")
		check_eq(packets.get_last_error_message(), packets.stream.get_last_error_message(),
				kind + ": the same message")
		check(packets.get_last_error_message().contains("exceeds the limit"),
				packets.get_last_error_message())
		packets.get_packet()
		check_eq(packets.stream.get_status(), STATUS_NONE, kind + ": it stays disconnected")


func test_half_a_line_does_not_delay_the_end() -> void:
	for kind: String in family.kinds():
		for way: String in ["end", "reset"]:
			if way == "reset" and (kind == "uds" or not distinguishes_resets()):
				continue
			var pair := link(kind)
			var peer: StreamPeerSocketRs = pair.client
			var events := []
			var calls := [0]
			peer.data_available.connect(func() -> void:
				calls[0] += 1
				while true:
					var line: Variant = peer.read_line()
					if line == null:
						break
					events.append(line))
			peer.disconnected.connect(func(error: int) -> void: events.append(error))
			pair.served.put_data("whole\nhalf".to_ascii_buffer())
			arrived(peer, 10)
			peer.poll()
			if way == "end":
				pair.served.disconnect_from_host()
			else:
				pair.served.abort()
			spin_until(func() -> bool:
				peer.poll()
				return events.size() == 2, "%s, %s: the end" % [kind, way])
			check_eq(events, ["whole", ERR_FILE_EOF if way == "end" else ERR_CONNECTION_ERROR],
					"%s, %s" % [kind, way])
			let_go(peer)
		# Another read method returns the rest.
		var pair := link(kind)
		pair.served.put_data("half".to_ascii_buffer())
		arrived(pair.client, 4)
		pair.served.disconnect_from_host()
		spin_until(func() -> bool:
			pair.client.read_line()
			return pair.client.is_read_closed(), kind + ": the end is known")
		check_eq(pair.client.receive().get_string_from_ascii(), "half", kind + ": the rest")


func test_each_connect_is_reported_once_even_without_polls_between() -> void:
	var peer: StreamPeerSocketRs = family.peer(family.kinds()[-1])
	var count := [0]
	peer.connect_finished.connect(func(_error: int) -> void: count[0] += 1)
	var end := endpoint(family.kinds()[-1])
	for i in 300:
		end.connect_peer(peer)
		peer.disconnect_from_host()
		if i % 100 == 99:
			accept(end)
	while end.server.is_connection_available():
		end.server.take_connection()
	peer.poll()
	check_eq(count[0], 300, "one signal for each connect")


func test_many_small_packets_can_be_counted_and_read() -> void:
	var pair := link(family.kinds()[0])
	var packets := PacketPeerSocketRs.new()
	packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	packets.stream = pair.client
	pair.served.write_buffer_limit = 1 << 20
	pair.served.put_data("\n".repeat(200_000).to_ascii_buffer())
	arrived(pair.client, 65_536)
	var got := [0]
	spin_until(func() -> bool:
		pair.served.poll()
		for i in packets.get_available_packet_count():
			got[0] += int(packets.get_packet().is_empty())
		return got[0] == 200_000, "all packets")
	check_eq(packets.get_available_packet_count(), 0, "none left")


## The setter of an object takes packets while the object is decoded.
func test_get_var_survives_packets_taken_in_a_setter() -> void:
	var inner := link(family.kinds()[0])
	var outer := link(family.kinds()[0])
	var in_setter := PacketPeerSocketRs.new()
	in_setter.stream = inner.client
	var packets := PacketPeerSocketRs.new()
	packets.stream = outer.client
	var taker: GDScript = load("res://tests/children/taking_setter.gd")
	taker.set("from", [in_setter, packets])
	for round_number in 50:
		var object: RefCounted = taker.new()
		object.text = "x".repeat(100)
		object.after = "y".repeat(5000)
		var sent := PacketPeerSocketRs.new()
		sent.stream = outer.served
		var other := PacketPeerSocketRs.new()
		other.stream = inner.served
		sent.put_var(object, true)
		for i in 3:
			sent.put_var("z".repeat(5000))
			other.put_var("w".repeat(5000))
		spin_until(func() -> bool: return packets.get_available_packet_count() > 3, "the packets")
		taker.set("is_taking", true)
		var decoded: Variant = packets.get_var(true)
		taker.set("is_taking", false)
		check(decoded is RefCounted and decoded.after == "y".repeat(5000), "round %d" % round_number)
		while packets.get_available_packet_count() > 0:
			packets.get_packet()
		while in_setter.get_available_packet_count() > 0:
			in_setter.get_packet()
	taker.set("from", [])


func test_decode_json_prints_nothing_for_malformed_json() -> void:
	# The test fails if the engine prints anything.
	var decode := func(text: String) -> Variant:
		return PacketPeerSocketRs.decode_json(text.to_utf8_buffer())
	check_eq(decode.call("1e999"), INF, "a number that is too large")
	check_eq(decode.call("[-1e999]"), [-INF], "a negative one")
	check_eq(decode.call('"a\\u0000b"'), "a\ufffdb", "the character 0")
	check_eq(decode.call('{"\\u0000": 1}'), {"\ufffd": 1}, "as a name")
	check_null(decode.call('"\\ud800"'), "half a surrogate pair")
	for wrong in ["", "[", "]", "[1 2]", "{", "{1:2}", '{"a"}', "nul", "truee", "01", "1.", "-", "+1",
			"'a'", "[1]2", "\"", "\\", "NaN"]:
		check_null(decode.call(wrong), wrong)
	check_null(decode.call("[".repeat(100_000)), "too deep")
	var deep := 1000
	check(decode.call("[".repeat(deep) + "]".repeat(deep)) is Array, "deep")
	check_eq(decode.call('{"a": [1, 2.5, "x", true, false, null, {"b": []}]}'),
			{"a": [1, 2.5, "x", true, false, null, {"b": []}]}, "everything")


func _until(group: StreamPeerSocketGroupRs, condition: Callable) -> void:
	spin_until(func() -> bool:
		group.poll()
		return condition.call(), "the group's report")
