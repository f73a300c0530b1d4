extends "res://tests/support/test_case.gd"
## Tests of `shutdown_write`, `allow_half_open`, `is_read_closed` and `abort`.

const SignalLog := preload("res://tests/support/signal_log.gd")


func test_an_unconnected_peer_has_nothing_to_close() -> void:
	for kind: String in family.kinds():
		var peer: StreamPeer = family.peer(kind)
		check_eq(peer.allow_half_open, false, kind + ": allow_half_open")
		check_eq(peer.is_read_closed(), false, kind + ": is_read_closed")
		check_eq(peer.shutdown_write(), FAILED, kind + ": shutdown_write of a closed peer")
		peer.abort()
		check_eq(peer.get_status(), STATUS_NONE, kind + ": abort of a closed peer")


func test_shutdown_write_ends_one_direction_only() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.allow_half_open = true
		pair.client.put_data([1, 2, 3])
		check_eq(pair.client.shutdown_write(), OK, kind + ": shutdown_write")
		check_eq(pair.client.shutdown_write(), OK, kind + ": shutdown_write again")
		check_eq(pair.client.put_data([4]), FAILED, kind + ": put_data after it")
		check_eq(pair.client.get_last_error(), ERR_UNAVAILABLE, kind + ": its error")
		check_eq(pair.client.put_partial_data([4]), [FAILED, 0], kind + ": put_partial_data after it")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")
		check_eq(pair.served.get_data(3), [OK, PackedByteArray([1, 2, 3])],
				kind + ": the bytes before the close")
		spin_until(func() -> bool:
			pair.served.poll()
			return pair.served.is_read_closed(), kind + ": the end of the stream")
		for i in 10:
			pair.served.poll()
		check_eq(pair.served.get_status(), STATUS_CONNECTED, kind + ": status of the other side")
		check_eq(pair.served.get_available_bytes(), 0, kind + ": available")
		check_eq(pair.served.get_data(1)[0], ERR_FILE_EOF, kind + ": get_data")
		check_eq(pair.served.get_partial_data(1)[0], ERR_FILE_EOF, kind + ": get_partial_data")
		check_eq(pair.served.receive(), PackedByteArray(), kind + ": receive")
		check_eq(pair.served.get_status(), STATUS_CONNECTED, kind + ": status after reads")
		check_eq(pair.client.is_read_closed(), false, kind + ": is_read_closed of this side")
		# The other direction stays open until it is closed too.
		for i in 100:
			pair.served.put_u32(i)
			check_eq(pair.client.get_u32(), i, kind + ": the other direction")


func test_the_connection_ends_with_its_second_direction() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.allow_half_open = true
		pair.served.allow_half_open = true
		pair.client.poll()
		pair.served.poll()
		var client_seen := SignalLog.of_peer(pair.client)
		var served_seen := SignalLog.of_peer(pair.served)
		pair.client.shutdown_write()
		spin_until(func() -> bool:
			pair.served.poll()
			return pair.served.is_read_closed(), kind + ": the end of the first direction")
		pair.served.put_u8(1)
		check_eq(pair.served.shutdown_write(), OK, kind + ": shutdown_write of the other side")
		check_eq(pair.served.get_status(), STATUS_NONE, kind + ": status with both directions ended")
		check_eq(pair.client.get_u8(), 1, kind + ": the last byte")
		reaches(pair.client, STATUS_NONE, kind + ": the end of both directions")
		pair.served.poll()
		for seen: RefCounted in [client_seen, served_seen]:
			check_eq(seen.entries, [["status_changed", STATUS_NONE], ["disconnected", ERR_FILE_EOF]],
					kind + ": signals")


func test_without_half_open_one_end_closes_the_connection() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.shutdown_write()
		reaches(pair.served, STATUS_NONE, kind + ": the end")
		check_eq(pair.served.put_data([1]), FAILED, kind + ": put_data")
		reaches(pair.client, STATUS_NONE, kind + ": the end of this side")


func test_disallowing_half_open_closes_a_half_open_connection() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.allow_half_open = true
		pair.client.shutdown_write()
		spin_until(func() -> bool:
			pair.served.poll()
			return pair.served.is_read_closed(), kind + ": the end of the stream")
		pair.served.allow_half_open = false
		reaches(pair.served, STATUS_NONE, kind + ": the end")


func test_a_half_open_peer_notices_that_the_other_side_has_closed() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.allow_half_open = true
		# The other side's lingering close discards received bytes for this long.
		pair.client.write_timeout = 0.2
		pair.client.disconnect_from_host()
		spin_until(func() -> bool:
			pair.served.poll()
			return pair.served.is_read_closed(), kind + ": the end of the stream")
		# After that a write fails, since the socket is closed.
		spin_until(func() -> bool:
			pair.served.put_u8(1)
			pair.served.poll()
			return pair.served.get_status() != STATUS_CONNECTED, kind + ": the end")


func test_shutdown_write_takes_effect_behind_the_write_queue() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		bound_buffers(pair)
		pair.client.write_buffer_limit = 8 << 20
		# More than the system buffers: a send buffer grows to 4 MiB at most (tcp(7), tcp_wmem).
		var words := PackedInt32Array(range(2000000))
		var sent := words.to_byte_array()
		check_eq(pair.client.put_data(sent), OK, kind + ": put_data")
		check_eq(pair.client.shutdown_write(), OK, kind + ": shutdown_write")
		check(pair.client.get_pending_write_bytes() > 0, kind + ": bytes are queued")
		var got := [PackedByteArray()]
		spin_until(func() -> bool:
			pair.client.poll()
			got[0].append_array(pair.served.receive())
			return pair.served.get_status() == STATUS_NONE, kind + ": the end")
		check(got[0] == sent, kind + ": everything before it")


func test_shutdown_write_does_not_affect_the_next_connection() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.shutdown_write()
		pair.client.disconnect_from_host()
		pair.endpoint.connect_peer(pair.client)
		settle(pair.client)
		check_eq(pair.client.put_data([6]), OK, kind + ": put_data")
		check_eq(accept(pair.endpoint).get_u8(), 6, kind + ": a byte")


func test_abort_resets_the_connection() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.poll()
		var seen := SignalLog.of_peer(pair.client)
		pair.client.abort()
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status")
		pair.client.poll()
		check_eq(seen.entries, [["status_changed", STATUS_NONE], ["disconnected", OK]],
				kind + ": signals")
		spin_until(func() -> bool:
			pair.served.poll()
			return pair.served.get_status() != STATUS_CONNECTED, kind + ": the other side to notice")
		if System.is_wine():
			leave_out(NO_RESETS)
		elif kind == "tcp":
			check_eq(pair.served.get_status(), STATUS_ERROR, kind + ": status of the other side")
		elif not OS.has_feature("windows"):
			# A Unix domain socket is reset only if bytes were left unread. On Windows this is not
			# documented.
			check_eq(pair.served.get_status(), STATUS_NONE, kind + ": status of the other side")
		check_eq(pair.endpoint.connect_peer(pair.client), OK, kind + ": the peer connects again")


func test_abort_discards_the_queue() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		bound_buffers(pair)
		pair.client.write_buffer_limit = 16 << 20
		var bytes := PackedByteArray()
		bytes.resize(16 << 20)
		pair.client.put_data(bytes)
		check(pair.client.get_pending_write_bytes() > 0, kind + ": bytes are queued")
		pair.client.abort()
		check_eq(pair.client.get_pending_write_bytes(), 0, kind + ": get_pending_write_bytes")
		var got := [0]
		spin_until(func() -> bool:
			got[0] += pair.served.receive().size()
			return pair.served.get_status() != STATUS_CONNECTED, kind + ": the end")
		check(got[0] < bytes.size(), kind + ": not everything has arrived")


func test_abort_wakes_a_blocked_read() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var reader := blocked_reader(pair)
		pair.client.abort()
		check_eq(join(reader, "the reader")[0], FAILED, kind + ": what the reader returned")


func test_abort_frees_a_bound_and_a_connecting_peer() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		var peer: StreamPeer = queue.back()
		peer.abort()
		check_eq(peer.get_status(), STATUS_NONE, kind + ": status")
	var bound := StreamPeerTCPRs.new()
	check_eq(bound.bind(0, LOOPBACK), OK, "bind")
	bound.abort()
	check_eq(bound.get_local_port(), 0, "the port after abort")
	check_eq(bound.bind(0, LOOPBACK), OK, "bind again")


func test_a_close_with_unread_input_does_not_reset() -> void:
	for kind: String in family.kinds():
		for close: Callable in [func(pair: Link) -> void: pair.client.disconnect_from_host(),
				func(pair: Link) -> void: pair.client = null]:
			var pair := link(kind)
			pair.served.put_data([9, 9, 9])
			arrived(pair.client, 3)
			pair.client.put_data([1, 2])
			close.call(pair)
			check_eq(pair.served.get_data(2), [OK, PackedByteArray([1, 2])],
					kind + ": the bytes before the close")
			reaches(pair.served, STATUS_NONE, kind + ": an end, not a reset")
