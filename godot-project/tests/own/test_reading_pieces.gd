extends "res://tests/support/test_case.gd"
## `receive`, `read_line`, `read_until`, `read_exact` and `get_last_read_bytes`: no call waits, and
## no bytes are consumed until the result is complete.


func test_receive_returns_the_available_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		check_eq(pair.client.receive(), PackedByteArray(), kind + ": nothing")
		pair.served.put_data(PackedByteArray(range(10)))
		arrived(pair.client, 10)
		check_eq(pair.client.receive(0), PackedByteArray(), kind + ": receive(0)")
		check_eq(pair.client.receive(3), PackedByteArray([0, 1, 2]), kind + ": receive(3)")
		check_eq(pair.client.get_u8(), 3, kind + ": a typed read in between")
		check_eq(pair.client.receive(-1), PackedByteArray(range(4, 10)), kind + ": receive(-1)")
		check_eq(pair.client.receive(), PackedByteArray(), kind + ": nothing more")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")


func test_receive_returns_a_long_stream_in_order() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.write_buffer_limit = 4 << 20
		var words := PackedInt32Array(range(500000))
		var sent := words.to_byte_array()
		check_eq(pair.served.put_data(sent), OK, kind + ": put_data")
		var got := [PackedByteArray()]
		spin_until(func() -> bool:
			pair.served.poll()
			got[0].append_array(pair.client.receive(100000))
			return got[0].size() >= sent.size(), kind + ": everything")
		check(got[0] == sent, kind + ": everything, in order")


func test_receive_returns_the_last_bytes_before_the_end() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.put_data([1, 2])
		pair.served.disconnect_from_host()
		arrived(pair.client, 2)
		check_eq(pair.client.receive(), PackedByteArray([1, 2]), kind + ": the last bytes")
		spin_until(func() -> bool:
			check_eq(pair.client.receive(), PackedByteArray(), kind + ": nothing more")
			return pair.client.get_status() == STATUS_NONE, kind + ": the end")
		check_eq(pair.client.get_last_error(), ERR_FILE_EOF, kind + ": get_last_error")


func test_reads_of_a_closed_peer_return_nothing() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.disconnect_from_host()
		for peer: StreamPeer in [family.peer(kind), pair.client]:
			check_eq(peer.receive(), PackedByteArray(), kind + ": receive")
			check_null(peer.read_line(), kind + ": read_line")
			check_null(peer.read_until("x"), kind + ": read_until")
			check_null(peer.read_exact(1), kind + ": read_exact")
			check_eq(peer.get_last_read_bytes(), 0, kind + ": get_last_read_bytes")
			check_eq(peer.is_read_closed(), false, kind + ": is_read_closed")


func test_read_line_returns_whole_lines_without_their_ends() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		check_null(pair.client.read_line(), kind + ": no bytes")
		pair.served.put_data("one\r\n\n\r\ntwo\rthree\nläst ⚡\nhal".to_utf8_buffer())
		for line: String in ["one", "", "", "two\rthree", "läst ⚡"]:
			check_eq(_found(pair.client, "read_line", []), line, kind + ": a line")
		check_null(pair.client.read_line(), kind + ": half a line")
		check_eq(pair.client.get_available_bytes(), 3, kind + ": its bytes stay unread")
		pair.served.put_data("f\nrest".to_utf8_buffer())
		check_eq(_found(pair.client, "read_line", []), "half", kind + ": the whole line")
		check_eq(pair.client.get_utf8_string(4), "rest", kind + ": what follows")


func test_read_line_replaces_bytes_that_are_not_utf8() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.put_data([0x61, 0xff, 0, 0x62, 0x0a])
		check_eq(_found(pair.client, "read_line", []), "a\ufffd\ufffdb", kind + ": the line")


func test_read_until_finds_a_delimiter_that_arrives_in_pieces() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var delimiter := "-END-".to_ascii_buffer()
		for byte: int in "a-EN-b-EN".to_ascii_buffer():
			pair.served.put_u8(byte)
			check_null(pair.client.read_until(delimiter), kind + ": before the delimiter")
		arrived(pair.client, 9)
		check_null(pair.client.read_until(delimiter), kind + ": a piece of the delimiter")
		check_eq(pair.client.get_available_bytes(), 9, kind + ": nothing is consumed")
		pair.served.put_data("D-tail".to_ascii_buffer())
		check_eq(_found(pair.client, "read_until", [delimiter]), "a-EN-b".to_ascii_buffer(),
				kind + ": the bytes before the delimiter")
		check_eq(pair.client.get_utf8_string(4), "tail", kind + ": what follows")


func test_a_delimiter_can_be_a_string_or_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.put_data("a;b--c\u00e4d".to_utf8_buffer() + PackedByteArray([0, 10, 0])
				+ "e;".to_utf8_buffer())
		arrived(pair.client, 14)
		check_eq(pair.client.read_until(";"), "a".to_utf8_buffer(), kind + ": a string")
		check_eq(pair.client.read_until(&"--"), "b".to_utf8_buffer(), kind + ": a string name")
		check_eq(pair.client.read_until("ä"), "c".to_utf8_buffer(), kind + ": a string outside ASCII")
		check_eq(pair.client.read_until(PackedByteArray([0, 10, 0])), "d".to_utf8_buffer(),
				kind + ": bytes")
		for bad: Variant in ["", PackedByteArray(), 5, null, [59], Vector2()]:
			check_null(quietly(func() -> Variant: return pair.client.read_until(bad)),
					"%s: %s" % [kind, bad])
		check_eq(pair.client.read_until(";"), "e".to_utf8_buffer(), kind + ": after misuse")


func test_read_exact_returns_the_count_or_null() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		check_eq(pair.client.read_exact(0), PackedByteArray(), kind + ": a count of zero")
		check_null(pair.client.read_exact(1), kind + ": no bytes")
		pair.served.put_data([1, 2, 3])
		arrived(pair.client, 3)
		check_null(pair.client.read_exact(4), kind + ": too few")
		check_eq(pair.client.get_available_bytes(), 3, kind + ": they stay unread")
		check_eq(pair.client.read_exact(2), PackedByteArray([1, 2]), kind + ": as many as requested")
		check_null(quietly(func() -> Variant: return pair.client.read_exact(-1)),
				kind + ": a negative count")
		check_eq(pair.client.get_last_error(), ERR_INVALID_PARAMETER, kind + ": its error")
		pair.served.disconnect_from_host()
		spin_until(func() -> bool:
			check_null(pair.client.read_exact(2), kind + ": more than the stream has left")
			return pair.client.get_last_error() == ERR_FILE_EOF, kind + ": the end")
		check_eq(pair.client.read_exact(1), PackedByteArray([3]), kind + ": the last byte")


func test_read_exact_returns_more_than_the_systems_buffers_hold() -> void:
	const MUCH := 8 << 20
	for kind: String in family.kinds():
		var pair := link(kind)
		var data := PackedByteArray()
		data.resize(MUCH)
		for i in 1000:
			data[i * 8000] = i % 256
		pair.served.write_buffer_limit = MUCH
		pair.served.put_data(data)
		var found: Array = []
		spin_until(func() -> bool:
			pair.served.poll()
			var bytes: Variant = pair.client.read_exact(MUCH)
			if bytes != null:
				found.append(bytes)
			return bytes != null, kind + ": all of it")
		check(not found.is_empty() and found[0] == data, kind + ": the sent bytes")


func test_lines_beyond_the_limit_are_an_error() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.put_data("0123456789\n".to_ascii_buffer())
		arrived(pair.client, 11)
		for limit in [0, 1, 10]:
			check_null(pair.client.read_line(limit), "%s: read_line(%d)" % [kind, limit])
			check_eq(pair.client.get_last_error(), ERR_INVALID_DATA,
					"%s: get_last_error with %d" % [kind, limit])
			check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")
			check_eq(pair.client.get_available_bytes(), 11, kind + ": nothing is consumed")
		check_eq(pair.client.read_line(11), "0123456789", kind + ": a line as long as the limit")
		var long := PackedByteArray()
		long.resize(70000)
		long.fill(0x61)
		long.append(0x0a)
		pair.served.put_data(long)
		arrived(pair.client, long.size())
		check_null(pair.client.read_line(), kind + ": longer than the default")
		check_eq(pair.client.get_last_error(), ERR_INVALID_DATA, kind + ": get_last_error of the default")
		check_eq(pair.client.read_line(-1).length(), 70000, kind + ": without a limit")


func test_an_end_before_the_delimiter_keeps_the_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.put_data("no end".to_ascii_buffer())
		pair.served.disconnect_from_host()
		arrived(pair.client, 6)
		spin_until(func() -> bool:
			check_null(pair.client.read_line(), kind + ": read_line")
			return pair.client.get_last_error() == ERR_FILE_EOF, kind + ": the end")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status with unread data")
		check_eq(pair.client.get_available_bytes(), 6, kind + ": the bytes stay")
		check_eq(pair.client.receive(), "no end".to_ascii_buffer(), kind + ": receive returns them")
		reaches(pair.client, STATUS_NONE, kind + ": then the end")


func test_get_last_read_bytes_counts_the_received_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		check_eq(pair.client.get_last_read_bytes(), 0, kind + ": before any read")
		pair.served.put_data(PackedByteArray(range(20)))
		check_eq(pair.client.get_data(5)[0], OK, kind + ": get_data")
		check_eq(pair.client.get_last_read_bytes(), 5, kind + ": of a whole read")
		pair.client.get_u16()
		check_eq(pair.client.get_last_read_bytes(), 2, kind + ": of a typed read")
		pair.served.disconnect_from_host()
		var got: Array = pair.client.get_data(50)
		check_eq(got[0], ERR_FILE_EOF, kind + ": get_data beyond the end")
		check_eq(pair.client.get_last_read_bytes(), 13, kind + ": of a read cut short")
		check_eq(got[1].slice(0, 13), PackedByteArray(range(7, 20)), kind + ": the received bytes")
		check_eq(pair.client.get_data(1)[0], FAILED, kind + ": get_data of a closed peer")
		check_eq(pair.client.get_last_read_bytes(), 0, kind + ": of a read that failed")


func test_reads_return_at_once_beside_a_blocked_read() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var reader := blocked_reader(pair, 10)
		check_eq(pair.client.receive(), PackedByteArray(), kind + ": receive")
		check_null(pair.client.read_line(), kind + ": read_line")
		check_null(pair.client.read_until("x"), kind + ": read_until")
		pair.served.put_data(PackedByteArray(range(9)))
		check_eq(join(reader, "the reader")[0], OK, kind + ": get_data on the other thread")


# Calls `method` until it returns something, and returns that.
func _found(peer: StreamPeer, method: String, arguments: Array) -> Variant:
	var found := [null]
	spin_until(func() -> bool:
		found[0] = peer.callv(method, arguments)
		return found[0] != null, "a result of " + method)
	return found[0]
