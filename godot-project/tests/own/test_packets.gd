extends "res://tests/support/test_case.gd"
## `PacketPeerSocketRs`: each framing against literal bytes, interoperation with the engine's
## PacketPeerStream, and calls in handlers and on threads.

const SignalLog := preload("res://tests/support/signal_log.gd")
const SocketAwait := preload("res://addons/stream_peer_socket_rs/socket_await.gd")

const BIG := 8 << 20


func test_a_new_packet_peer_has_its_documented_defaults() -> void:
	var packets := PacketPeerSocketRs.new()
	check_null(packets.stream, "stream")
	check_eq(packets.framing, PacketPeerSocketRs.FRAMING_LENGTH, "framing")
	check_eq(packets.length_bytes, 4, "length_bytes")
	check_eq(packets.big_endian, false, "big_endian")
	check_eq(packets.length_includes_itself, false, "length_includes_itself")
	check_eq(packets.delimiter, PackedByteArray([10]), "delimiter")
	check_eq(packets.max_packet_bytes, 16 << 20, "max_packet_bytes")
	check_eq(packets.auto_poll, false, "auto_poll")
	check_eq(packets.poll(), ERR_UNCONFIGURED, "poll")
	check_eq(packets.get_available_packet_count(), 0, "get_available_packet_count")
	check_eq(packets.put_packet([1]), ERR_UNCONFIGURED, "put_packet")
	check_eq(packets.get_packet(), PackedByteArray(), "get_packet")
	check_eq(packets.get_packet_error(), ERR_UNCONFIGURED, "get_packet_error")
	check_eq(packets.get_last_error_message(), "receive: packet peer has no stream",
			"get_last_error_message")
	check_null(packets.get_text(), "get_text")


func test_invalid_property_values_are_refused() -> void:
	var packets := PacketPeerSocketRs.new()
	for bad: Array in [["framing", 3], ["framing", -1], ["length_bytes", 3], ["length_bytes", -1],
			["length_bytes", 16],
			["delimiter", PackedByteArray()], ["max_packet_bytes", -1], ["max_packet_bytes", 1 << 31]]:
		var before: Variant = packets.get(bad[0])
		quietly(func() -> void: packets.set(bad[0], bad[1]))
		check_eq(packets.get(bad[0]), before, "%s = %s" % bad)
		check_eq(packets.get_last_error(), ERR_INVALID_PARAMETER, "%s: get_last_error" % bad[0])
		check(packets.get_last_error_message().begins_with(bad[0]), packets.get_last_error_message())


func test_each_framing_has_its_documented_bytes() -> void:
	var hello := "hello".to_utf8_buffer()
	var two := func(packets: PacketPeerSocketRs) -> void: packets.length_bytes = 2
	var big := func(packets: PacketPeerSocketRs) -> void:
		packets.length_bytes = 8
		packets.big_endian = true
	var own := func(packets: PacketPeerSocketRs) -> void: packets.length_includes_itself = true
	var varint := func(packets: PacketPeerSocketRs) -> void: packets.length_bytes = 0
	var lines := func(packets: PacketPeerSocketRs) -> void:
		packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	var zeros := func(packets: PacketPeerSocketRs) -> void:
		packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
		packets.delimiter = [0]
	var headers := func(packets: PacketPeerSocketRs) -> void:
		packets.framing = PacketPeerSocketRs.FRAMING_CONTENT_LENGTH
	for kind: String in family.kinds():
		for framing: Array in [
			[func(_packets: PacketPeerSocketRs) -> void: pass, PackedByteArray([5, 0, 0, 0]) + hello],
			[two, PackedByteArray([5, 0]) + hello],
			[big, PackedByteArray([0, 0, 0, 0, 0, 0, 0, 5]) + hello],
			[own, PackedByteArray([9, 0, 0, 0]) + hello],
			[varint, PackedByteArray([5]) + hello],
			[lines, hello + PackedByteArray([10])],
			[zeros, hello + PackedByteArray([0])],
			[headers, "Content-Length: 5\r\n\r\n".to_ascii_buffer() + hello],
		]:
			var pair := link(kind)
			var packets := _packets(pair.client, framing[0])
			var bytes: PackedByteArray = framing[1]
			check_eq(packets.put_packet(hello), OK, kind + ": put_packet")
			check_eq(pair.served.get_data(bytes.size()), [OK, bytes], kind + ": as bytes")
			# The packet arrives byte by byte, and an incomplete one follows it.
			for i in bytes.size():
				check_eq(packets.get_available_packet_count(), 0, kind + ": an incomplete packet")
				pair.served.put_u8(bytes[i])
				arrived(pair.client, i + 1)
			pair.served.put_u8(bytes[0])
			_until_count(packets, 1)
			check_eq(packets.get_packet(), hello, kind + ": get_packet")
			check_eq(packets.get_packet_error(), OK, kind + ": get_packet_error")
			check_eq(packets.get_packet(), PackedByteArray(), kind + ": no more")
			check_eq(packets.get_packet_error(), ERR_UNAVAILABLE,
					kind + ": get_packet_error without a packet")
			check_eq(packets.get_last_error(), OK, kind + ": get_last_error without a packet")


func test_packets_are_compatible_with_the_engines() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var ours := _packets(pair.client)
		var engines := PacketPeerStream.new()
		engines.stream_peer = pair.served
		var value := {"name": "\u26a1", "list": [1, 2.5, Vector2(3, 4)]}
		ours.put_var(value)
		spin_until(func() -> bool: return engines.get_available_packet_count() == 1,
				"the packet in the engine's peer")
		check_eq(engines.get_var(), value, kind + ": to the engine's peer")
		engines.put_var(value)
		engines.put_packet([1, 2, 3])
		_until_count(ours, 2)
		check_eq(ours.get_var(), value, kind + ": from the engine's peer")
		check_eq(ours.get_packet(), PackedByteArray([1, 2, 3]), kind + ": the second packet")


func test_a_packet_larger_than_all_buffers_arrives_whole() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := _packets(pair.client)
		var others := _packets(pair.served)
		var block := PackedByteArray()
		block.resize(BIG)
		for i in range(0, BIG, 4096):
			block[i] = i >> 12 & 0xff
		pair.served.write_buffer_limit = 2 * BIG
		check_eq(others.put_packet(block), OK, kind + ": put_packet does not wait")
		var log := SignalLog.of(packets, ["packet_received"])
		spin_until(func() -> bool:
			others.poll()
			packets.poll()
			return log.count("packet_received") == 1, "the packet")
		check_eq(log.entries[0][1] == block, true, kind + ": unchanged")


func test_polls_report_a_thousand_packets_in_turn() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := _packets(pair.client)
		var log := SignalLog.of(packets, ["packet_received", "failed"])
		var block := PackedByteArray()
		for i in 1000:
			block.append_array([4, 0, 0, 0, i & 0xff, i >> 8, 7, 7])
		pair.served.put_data(block)
		arrived(pair.client, block.size())
		for count: int in [256, 512, 768, 1000, 1000]:
			check_eq(packets.poll(), OK, kind + ": poll")
			check_eq(log.entries.size(), count, kind + ": the packets so far")
		for i in 1000:
			check_eq(log.entries[i], ["packet_received", PackedByteArray([i & 0xff, i >> 8, 7, 7])], kind)


func test_packets_stay_queued_while_no_handler_is_connected() -> void:
	var pair := link(_kind())
	var packets := _packets(pair.client)
	pair.served.put_data([1, 0, 0, 0, 7])
	arrived(pair.client, 5)
	packets.poll()
	check_eq(packets.get_available_packet_count(), 1, "get_available_packet_count")
	check_eq(packets.get_packet(), PackedByteArray([7]), "get_packet")


# No bytes make the engine print an error, and none are dropped.
func test_decode_text_and_json_accept_any_bytes() -> void:
	check_eq(PacketPeerSocketRs.decode_text("h\u00e9llo".to_utf8_buffer()), "h\u00e9llo", "text")
	check_eq(PacketPeerSocketRs.decode_text([]), "", "nothing")
	check_eq(PacketPeerSocketRs.decode_text([0x61, 0xff, 0, 0x62, 0xc3]), "a\ufffd\ufffdb\ufffd",
			"not UTF-8")
	var all := PackedByteArray()
	for byte in 256:
		all.append(byte)
	check_eq(PacketPeerSocketRs.decode_text(all).length(), 256, "every byte")
	check_eq(PacketPeerSocketRs.decode_json('{"a": [1, null]}'.to_utf8_buffer()), {"a": [1, null]},
			"JSON")
	for bad: PackedByteArray in [all, "{".to_utf8_buffer(), PackedByteArray([0x31, 0]),
			PackedByteArray()]:
		check_null(PacketPeerSocketRs.decode_json(bad), "not JSON")


func test_get_text_and_get_json_distinguish_packets_from_errors() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var lines := func(packets: PacketPeerSocketRs) -> void:
			packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
		var ours := _packets(pair.client, lines)
		var others := _packets(pair.served, lines)
		check_null(ours.get_text(), kind + ": nothing yet")
		check_eq(ours.get_last_error(), OK, kind + ": get_last_error without a packet")
		others.put_text("h\u00e9llo")
		others.put_json({"a": [1, null, "\n"]})
		others.put_packet([0xff, 0xfe])
		others.put_text("{no json")
		others.put_json(null)
		others.put_text("")
		_until_count(ours, 6)
		check_eq(ours.get_text(), "h\u00e9llo", kind + ": text")
		check_eq(ours.get_json(), {"a": [1, null, "\n"]}, kind + ": JSON")
		check_null(ours.get_text(), kind + ": not UTF-8")
		check_eq(ours.get_last_error(), ERR_INVALID_DATA, kind + ": its error")
		check_null(ours.get_json(), kind + ": not JSON")
		check_eq(ours.get_last_error(), ERR_PARSE_ERROR, kind + ": its error")
		check_null(ours.get_json(), kind + ": JSON's null")
		check_eq(ours.get_last_error(), OK, kind + ": no error with JSON's null")
		check_eq(ours.get_text(), "", kind + ": an empty line")
		others.put_packet([0x61, 0, 0x62])
		_until_count(ours, 1)
		check_null(ours.get_text(), kind + ": the character 0, which ends the engine's text")
		check_eq(ours.get_last_error(), ERR_INVALID_DATA, kind + ": its error")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": the stream stays connected")


func test_packets_that_do_not_fit_the_framing_are_refused() -> void:
	var pair := link(_kind())
	var packets := _packets(pair.client, func(it: PacketPeerSocketRs) -> void:
		it.framing = PacketPeerSocketRs.FRAMING_DELIMITER
		it.max_packet_bytes = 8)
	check_eq(packets.put_text("a\nb"), ERR_INVALID_PARAMETER, "a text with the delimiter")
	check_eq(packets.get_last_error_message(), "send: packet contains the delimiter \"\\n\"",
			"its message")
	check_eq(packets.put_text("more than 8"), ERR_INVALID_PARAMETER, "too long")
	check_eq(packets.get_last_error_message(), "send: packet of 11 bytes exceeds the limit of 8",
			"the message")
	check_eq(packets.put_text("fits"), OK, "the next one")
	check_eq(pair.served.get_data(5), [OK, "fits\n".to_utf8_buffer()], "only the valid text was sent")


func test_malformed_packets_disconnect_the_stream() -> void:
	for kind: String in family.kinds():
		for bad: Array in [
			[PackedByteArray([0xff, 0xff, 0xff, 0x7f]), PacketPeerSocketRs.FRAMING_LENGTH, ERR_INVALID_DATA],
			["HTTP/1.1 200 OK\r\n\r\n".to_ascii_buffer(), PacketPeerSocketRs.FRAMING_CONTENT_LENGTH,
			ERR_INVALID_DATA],
		]:
			var pair := link(kind)
			var packets := _packets(pair.client)
			packets.framing = bad[1]
			var log := SignalLog.of(packets, ["packet_received", "failed"])
			var stream_log := SignalLog.of(pair.client, ["disconnected"])
			pair.served.put_data(bad[0])
			spin_until(func() -> bool:
				packets.poll()
				return stream_log.count("disconnected") == 1, "the end")
			check_eq(log.entries, [["failed", bad[2]]], kind + ": reported once")
			check_eq(packets.get_last_error(), bad[2], kind + ": get_last_error")
			check_eq(pair.client.get_status(), STATUS_NONE, kind + ": the stream is disconnected")


func test_an_end_within_a_packet_fails_after_the_whole_packets() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := _packets(pair.client)
		var log := SignalLog.of(packets, ["packet_received", "failed"])
		pair.served.put_data([1, 0, 0, 0, 7, 2, 0, 0, 0, 8])
		pair.served.disconnect_from_host()
		spin_until(func() -> bool:
			packets.poll()
			return pair.client.get_status() == STATUS_NONE, "the end")
		packets.poll()
		check_eq(log.entries, [["packet_received", PackedByteArray([7])], ["failed", ERR_FILE_EOF]], kind)


func test_the_last_packets_are_reported_before_the_end() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := _packets(pair.client)
		var log := []
		packets.packet_received.connect(func(packet: PackedByteArray) -> void: log.append(packet[0]))
		packets.failed.connect(func(error: int) -> void: log.append(error_string(error)))
		pair.client.disconnected.connect(func(error: int) -> void: log.append(error))
		for i in 3:
			pair.served.put_data([1, 0, 0, 0, i])
		pair.served.disconnect_from_host()
		spin_until(func() -> bool:
			packets.poll()
			return log.size() >= 4, "everything")
		check_eq(log, [0, 1, 2, ERR_FILE_EOF], kind)


func test_handlers_can_read_reconfigure_poll_and_free() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := _packets(pair.client)
		var got := []
		# This handler takes the next packet itself, changes the framing, and polls.
		packets.packet_received.connect(func(packet: PackedByteArray) -> void:
			got.append(packet.get_string_from_utf8())
			if got.size() == 1:
				got.append(packets.get_text())
				packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
				packets.poll())
		pair.served.put_data([1, 0, 0, 0, 0x61, 1, 0, 0, 0, 0x62] + Array("c\nd\n".to_utf8_buffer()))
		arrived(pair.client, 14)
		packets.poll()
		check_eq(got, ["a", "b", "c", "d"], kind)
		# A handler that captures the object of its signal would keep it alive.
		for connection: Dictionary in packets.packet_received.get_connections():
			packets.packet_received.disconnect(connection.callable)
		# This handler drops the packet peer.
		var held := [_packets(link(kind).client)]
		var other := link(kind)
		held[0].stream = other.client
		var received := [0]
		held[0].packet_received.connect(func(_packet: PackedByteArray) -> void:
			received[0] += 1
			held.clear())
		other.served.put_data([0, 0, 0, 0, 0, 0, 0, 0])
		arrived(other.client, 8)
		held[0].poll()
		check_eq(held.size(), 0, kind + ": the handler has run")
		check_eq(received[0] >= 1, true, kind + ": it received a packet")


func test_a_new_stream_starts_without_the_old_ones_bytes() -> void:
	var one := link(_kind())
	var two := link(_kind())
	var packets := _packets(one.client)
	one.served.put_data([9, 0, 0, 0, 1])
	arrived(one.client, 5)
	check_eq(packets.get_available_packet_count(), 0, "an incomplete packet")
	packets.stream = two.client
	two.served.put_data([1, 0, 0, 0, 2])
	_until_count(packets, 1)
	check_eq(packets.get_packet(), PackedByteArray([2]), "a packet of the other stream")
	check(packets.stream == two.client, "the stream")
	packets.stream = null
	check_eq(packets.get_available_packet_count(), 0, "without a stream")
	check_eq(one.client.get_data(5), [OK, PackedByteArray([9, 0, 0, 0, 1])],
			"nothing was taken from the first")


func test_a_reconnect_drops_an_incomplete_packet() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := _packets(pair.client)
		pair.served.put_data([9, 0, 0, 0, 1])
		arrived(pair.client, 5)
		check_eq(packets.get_available_packet_count(), 0, kind + ": an incomplete packet")
		pair.client.disconnect_from_host()
		check_eq(pair.endpoint.connect_peer(pair.client), OK, kind + ": connect again")
		pair.served = accept(pair.endpoint)
		settle(pair.client)
		pair.served.put_data([1, 0, 0, 0, 2])
		_until_count(packets, 1)
		check_eq(packets.get_packet(), PackedByteArray([2]), kind)


func test_threads_read_and_write_whole_packets() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := _packets(pair.client)
		var others := _packets(pair.served)
		var seen := {}
		var mutex := Mutex.new()
		# Four readers of one peer and two writers. The packets are larger than the system's
		# buffers.
		var size := 300_000
		var read_all := func() -> void:
			while true:
				var packet := packets.get_packet()
				if packets.get_available_packet_count() == 0 and packet.is_empty():
					OS.delay_usec(100)
				if packet.size() == 1:
					return
				if not packet.is_empty():
					mutex.lock()
					seen[packet] = seen.get(packet, 0) + 1
					mutex.unlock()
		var readers: Array[Thread] = []
		for i in 4:
			readers.append(in_thread(read_all))
		var writers: Array[Thread] = []
		for number in 2:
			writers.append(in_thread(func() -> void:
				for i in 50:
					var packet := PackedByteArray()
					packet.resize(size)
					packet.fill(number * 50 + i)
					check_eq(others.put_packet(packet), OK, kind + ": put_packet")))
		for writer in writers:
			join(writer, "a writer")
		for i in 4:
			others.put_packet([0])
		for reader in readers:
			join(reader, "a reader")
		check_eq(seen.size(), 100, kind + ": each packet")
		for packet: PackedByteArray in seen:
			check_eq([packet.size(), packet.count(packet[0]), seen[packet]], [size, size, 1],
					kind + ": once, and whole")


func test_a_blocked_writer_does_not_block_readers() -> void:
	var pair := link(_kind())
	bound_buffers(pair)
	var packets := _packets(pair.client)
	var block := PackedByteArray()
	block.resize(BIG)
	var writer := in_thread(func() -> Error: return packets.put_packet(block))
	# Its first bytes have arrived, so it is inside the call.
	arrived(pair.served, 100_000)
	pair.served.put_data([1, 0, 0, 0, 7])
	_until_count(packets, 1)
	check_eq(packets.get_packet(), PackedByteArray([7]), "while the other thread waits")
	check_eq(packets.poll(), OK, "poll")
	check_eq(writer.is_alive(), true, "it still waits")
	pair.client.disconnect_from_host()
	check(join(writer, "the writer") != OK, "it ends with the connection")


func test_a_writer_of_an_old_connection_does_not_disturb_the_next() -> void:
	for kind: String in family.kinds():
		var block := PackedByteArray()
		block.resize(BIG)
		# The writer notices the end while the next connection begins. Several rounds make a race
		# likely.
		for i in 10:
			var pair := link(kind)
			bound_buffers(pair)
			var packets := _packets(pair.client)
			var writer := in_thread(func() -> Error: return packets.put_packet(block))
			arrived(pair.served, 1000)
			pair.client.disconnect_from_host()
			check_eq(pair.endpoint.connect_peer(pair.client), OK, kind + ": connect again")
			check(join(writer, "the writer") != OK, kind + ": the writer fails")
			settle(pair.client)
			check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": the next connection")


func test_a_failure_is_not_reported_for_the_next_connection() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := _packets(pair.client)
		var log := SignalLog.of(packets, ["failed", "packet_received"])
		for goes_on: String in ["with the same stream", "with another one"]:
			pair.served.put_data([0xff, 0xff, 0xff, 0x7f])
			arrived(pair.client, 4)
			packets.get_packet()
			check_eq(packets.get_packet_error(), ERR_INVALID_DATA, kind + ": a malformed packet")
			# A script that reads packets has the error already, and does not poll first.
			if goes_on == "with the same stream":
				check_eq(pair.endpoint.connect_peer(pair.client), OK, kind + ": connect again")
				pair.served = accept(pair.endpoint)
				settle(pair.client)
			else:
				pair = link(kind)
				packets.stream = pair.client
			pair.served.put_data([1, 0, 0, 0, 7])
			arrived(pair.client, 5)
			packets.poll()
			check_eq(log.entries, [["packet_received", PackedByteArray([7])]],
					kind + ": the next packet, " + goes_on)
			log.entries.clear()


func test_memory_of_taken_packets_is_freed() -> void:
	if not FileAccess.file_exists("/proc/self/statm"):
		return skip("this system has no /proc/self/statm")
	var block := PackedByteArray()
	block.resize(4 << 20)
	block.fill(3)
	var pairs: Array[Link] = []
	var peers: Array[PacketPeerSocketRs] = []
	var before := 0
	for i in 24:
		var pair := link("tcp")
		pairs.append(pair)
		peers.append(_packets(pair.client))
		pair.served.write_buffer_limit = 2 * block.size()
		_packets(pair.served).put_packet(block)
		spin_until(func() -> bool:
			pair.served.poll()
			return peers[i].get_available_packet_count() == 1, "the packet")
		check_eq(peers[i].get_packet().size(), block.size(), "the packet")
		# The first ones warm up the allocator.
		if i == 7:
			before = _resident()
	check((_resident() - before) < 8 * block.size(),
			"%d bytes more after 16 packets" % (_resident() - before))


# The resident memory of this process in bytes.
func _resident() -> int:
	var pages := FileAccess.open("/proc/self/statm", FileAccess.READ).get_line().get_slice(" ", 1)
	return pages.to_int() * 4096


func test_auto_poll_reports_packets() -> void:
	var pair := link(_kind())
	var packets := _packets(pair.client)
	var log := SignalLog.of(packets, ["packet_received"])
	packets.auto_poll = true
	pair.served.put_data([1, 0, 0, 0, 7])
	await until(func() -> bool: return log.count("packet_received") == 1, "the packet")
	packets.auto_poll = false
	pair.served.put_data([1, 0, 0, 0, 8])
	arrived(pair.client, 5)
	for i in 3:
		await (Engine.get_main_loop() as SceneTree).process_frame
	check_eq(log.count("packet_received"), 1, "after auto_poll was disabled")


func test_packets_can_be_awaited() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := _packets(pair.client)
		pair.served.put_data([2, 0, 0, 0, 7])
		var result := await SocketAwait.packet(packets, 0.05)
		check_eq([result.error, result.data], [ERR_TIMEOUT, PackedByteArray()],
				kind + ": an incomplete packet")
		pair.served.put_data([8, 0, 0, 0, 0])
		result = await SocketAwait.packet(packets, PATIENCE)
		check_eq([result.error, result.data], [OK, PackedByteArray([7, 8])], kind + ": whole")
		result = await SocketAwait.packet(packets, PATIENCE)
		check_eq([result.error, result.data], [OK, PackedByteArray()], kind + ": an empty one")
		pair.served.put_data([2, 0, 0, 0, 7])
		pair.served.disconnect_from_host()
		result = await SocketAwait.packet(packets, PATIENCE)
		check_eq(result.error, ERR_FILE_EOF, kind + ": one that never ends")
		packets.poll()
		result = await SocketAwait.packet(packets, PATIENCE)
		check_eq(result.error, ERR_UNCONFIGURED, kind + ": without a connection")


func _packets(stream: StreamPeerSocketRs, configure := Callable()) -> PacketPeerSocketRs:
	var packets := PacketPeerSocketRs.new()
	packets.stream = stream
	if configure.is_valid():
		configure.call(packets)
	return packets


func _until_count(packets: PacketPeerSocketRs, count: int) -> void:
	spin_until(func() -> bool: return packets.get_available_packet_count() >= count,
			"%d packets" % count)
	check_eq(packets.get_available_packet_count(), count, "get_available_packet_count")


func _kind() -> String:
	return family.kinds()[0]
