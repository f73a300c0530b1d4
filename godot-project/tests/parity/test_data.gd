extends "res://tests/support/test_case.gd"
## Reading and writing: what each call returns in each state and at the end of the stream.


func test_reads_and_writes_of_an_unconnected_peer_fail() -> void:
	for kind: String in family.kinds():
		var closed := link(kind)
		closed.client.disconnect_from_host()
		for peer: StreamPeer in [family.peer(kind), closed.client]:
			var got: Array = peer.get_data(3)
			check_eq(got[0], FAILED, kind + ": get_data")
			check_eq(got[1].size(), 3, kind + ": get_data's array has the requested size")
			check_eq(peer.get_data(0), [FAILED, PackedByteArray()], kind + ": get_data(0)")
			check_eq(peer.get_partial_data(3), [FAILED, PackedByteArray()], kind + ": get_partial_data")
			check_eq(peer.put_data([1]), FAILED, kind + ": put_data")
			check_eq(peer.put_partial_data([1]), [FAILED, 0], kind + ": put_partial_data")
			check_eq(peer.put_data([]), OK, kind + ": put_data of nothing")
			check_eq(peer.put_partial_data([]), [OK, 0], kind + ": put_partial_data of nothing")
			check_eq(quietly(func() -> Array: return peer.get_data(-1)),
					[ERR_OUT_OF_MEMORY, PackedByteArray()],
					kind + ": get_data(-1)")
			check_eq(peer.get_status(), STATUS_NONE, kind + ": status")


func test_empty_and_negative_sizes_keep_the_connection() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		check_eq(pair.client.put_data([]), OK, kind + ": put_data of nothing")
		check_eq(pair.client.put_partial_data([]), [OK, 0], kind + ": put_partial_data of nothing")
		check_eq(pair.client.get_data(0), [OK, PackedByteArray()], kind + ": get_data(0)")
		check_eq(pair.client.get_partial_data(0), [OK, PackedByteArray()], kind + ": get_partial_data(0)")
		for size in [-1, -2147483648]:
			var refused := [ERR_OUT_OF_MEMORY, PackedByteArray()]
			check_eq(quietly(func() -> Array: return pair.client.get_data(size)), refused,
					"%s: get_data(%d)" % [kind, size])
			check_eq(quietly(func() -> Array: return pair.client.get_partial_data(size)), refused,
					"%s: get_partial_data(%d)" % [kind, size])
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")


func test_get_partial_data_returns_the_available_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		check_eq(pair.client.get_partial_data(10), [OK, PackedByteArray()], kind + ": no bytes")
		check_eq(pair.client.get_available_bytes(), 0, kind + ": nothing available")
		pair.served.put_data([1, 2, 3, 4, 5])
		arrived(pair.client, 5)
		check_eq(pair.client.get_available_bytes(), 5, kind + ": available")
		check_eq(pair.client.get_partial_data(3), [OK, PackedByteArray([1, 2, 3])],
				kind + ": a part of it")
		check_eq(pair.client.get_available_bytes(), 2, kind + ": available after a part")
		check_eq(pair.client.get_partial_data(10), [OK, PackedByteArray([4, 5])], kind + ": the rest")
		check_eq(pair.client.get_available_bytes(), 0, kind + ": available after the rest")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")


func test_poll_keeps_a_connection_and_its_data() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		for i in 3:
			check_eq(pair.client.poll(), OK, kind + ": idle poll")
			check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": idle status")
		pair.served.put_u8(200)
		arrived(pair.client, 1)
		for i in 3:
			check_eq(pair.client.poll(), OK, kind + ": poll with data")
			check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status with data")
			check_eq(pair.client.get_available_bytes(), 1, kind + ": the data stays")
		check_eq(pair.client.get_u8(), 200, kind + ": the data")


func test_poll_finds_the_end_without_unread_data() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.disconnect_from_host()
		var errors := []
		spin_until(func() -> bool:
			errors.append(pair.client.poll())
			return pair.client.get_status() != STATUS_CONNECTED, kind + ": the end")
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status")
		check(errors.all(func(error: int) -> bool: return error == OK), kind + ": poll returns OK")
		check_eq(pair.client.get_partial_data(1), [FAILED, PackedByteArray()],
				kind + ": reading after the end")


func test_the_end_is_not_reported_before_unread_data() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.put_data([1, 2, 3, 4])
		pair.served.disconnect_from_host()
		arrived(pair.client, 4)
		for i in 20:
			check_eq(pair.client.poll(), OK, kind + ": poll with unread data")
			check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status with unread data")
		check_eq(pair.client.get_data(2), [OK, PackedByteArray([1, 2])], kind + ": the first half")
		check_eq(pair.client.poll(), OK, kind + ": poll after the first half")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status after the first half")
		check_eq(pair.client.get_data(2), [OK, PackedByteArray([3, 4])], kind + ": the second half")
		reaches(pair.client, STATUS_NONE, kind + ": the end")


func test_get_data_beyond_the_end_is_err_file_eof() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.put_data([1, 2])
		pair.served.disconnect_from_host()
		var got: Array = pair.client.get_data(5)
		check_eq(got[0], ERR_FILE_EOF, kind + ": get_data")
		check_eq(got[1].size(), 5, kind + ": get_data's array has the requested size")
		check_eq(got[1].slice(0, 2), PackedByteArray([1, 2]),
				kind + ": it begins with the received bytes")
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status")
		check_eq(pair.client.get_data(1)[0], FAILED, kind + ": get_data afterwards")


func test_get_partial_data_returns_the_data_before_the_end() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.put_data([1, 2])
		pair.served.disconnect_from_host()
		arrived(pair.client, 2)
		check_eq(pair.client.get_partial_data(5), [OK, PackedByteArray([1, 2])],
				kind + ": first the data")
		var got := [[OK, PackedByteArray()]]
		spin_until(func() -> bool:
			got[0] = pair.client.get_partial_data(5)
			return got[0][0] != OK, kind + ": the end")
		check_eq(got[0], [ERR_FILE_EOF, PackedByteArray()], kind + ": then the end")
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status")
		check_eq(pair.client.get_partial_data(5), [FAILED, PackedByteArray()], kind + ": then nothing")


func test_a_reset_is_an_error_of_poll() -> void:
	if not distinguishes_resets():
		return
	for kind: String in family.kinds():
		var pair := reset_link(kind)
		if pair == null:
			continue
		var errors := []
		spin_until(func() -> bool:
			errors.append(pair.client.poll())
			return pair.client.get_status() != STATUS_CONNECTED, kind + ": the reset")
		check_eq(errors.back(), FAILED, kind + ": poll")
		check_eq(pair.client.get_status(), STATUS_ERROR, kind + ": status")
		check_eq(pair.client.poll(), OK, kind + ": poll in STATUS_ERROR")
		check_eq(pair.client.put_data([1]), FAILED, kind + ": put_data in STATUS_ERROR")
		check_eq(pair.client.get_status(), STATUS_ERROR, kind + ": status stays")
		pair.client.disconnect_from_host()
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status after disconnect_from_host")


func test_a_reset_fails_a_read() -> void:
	if not distinguishes_resets():
		return
	for kind: String in family.kinds():
		var pair := reset_link(kind)
		if pair == null:
			continue
		check_eq(pair.client.get_data(1)[0], FAILED, kind + ": get_data")
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status")


func test_a_reset_fails_a_write() -> void:
	for kind: String in family.kinds():
		var pair := reset_link(kind)
		if pair == null:
			continue
		var last := [OK]
		spin_until(func() -> bool:
			last[0] = pair.client.put_data([1])
			return last[0] != OK, kind + ": a write to fail")
		check_eq(last[0], FAILED, kind + ": put_data")
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status")


func test_put_partial_data_returns_0_when_the_systems_buffers_are_full() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var chunk := PackedByteArray()
		chunk.resize(1 << 20)
		chunk.fill(7)
		var sent := [0]
		var calls := [0]
		# The receiving side may make room meanwhile, so a partial write need not be the last.
		spin_until(func() -> bool:
			var result: Array = pair.client.put_partial_data(chunk)
			check_eq(result[0], OK, kind + ": put_partial_data")
			sent[0] += result[1]
			calls[0] += 1
			return result[1] == 0, kind + ": [0, 0]")
		check(sent[0] > 0 and calls[0] > 1, kind + ": bytes were sent")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")
		check_eq(pair.served.get_data(sent[0])[0], OK, kind + ": all sent bytes are readable")
		check_eq(pair.served.get_available_bytes(), 0, kind + ": no more bytes")
		check_eq(pair.client.put_data([1, 2, 3]), OK, kind + ": there is room again")
		check_eq(pair.served.get_data(3), [OK, PackedByteArray([1, 2, 3])], kind + ": the next bytes")


func test_freeing_a_peer_closes_the_connection() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.put_u8(1)
		pair.served = null
		check_eq(pair.client.get_u8(), 1, kind + ": its last byte arrives")
		reaches(pair.client, STATUS_NONE, kind + ": the end")


func test_bytes_put_one_by_one_can_be_read_at_once() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var text := "I - too - say hello!"
		# Written byte by byte, read in one call.
		for byte in text.to_ascii_buffer():
			check_eq(pair.client.put_data([byte]), OK, kind + ": put_data")
		check_eq(pair.served.get_data(text.length()), [OK, text.to_ascii_buffer()], kind + ": get_data")
