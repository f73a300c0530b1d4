extends "res://tests/support/test_case.gd"
## A thread that is blocked in a read or a write does not block others, and disconnecting wakes it.

const MORE_THAN_THE_SYSTEM_TAKES := 64 << 20


func test_calls_return_at_once_beside_a_blocked_read() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var reader := blocked_reader(pair)
		for i in 100:
			check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": get_status")
			check_eq(pair.client.poll(), OK, kind + ": poll")
			check_eq(pair.client.get_available_bytes(), 0, kind + ": get_available_bytes")
			pair.client.put_u32(i)
			check_eq(pair.served.get_u32(), i, kind + ": the other direction")
		if kind == "tcp":
			check_eq(pair.client.get_connected_port(), pair.endpoint.port, "get_connected_port")
			check(pair.client.get_local_port() > 0, "get_local_port")
			pair.client.set_no_delay(true)
		check_eq(reader.is_alive(), true, kind + ": the reader still waits")
		pair.served.put_u8(2)
		check_eq(join(reader, "the reader"), [OK, PackedByteArray([1, 2])], kind + ": the read bytes")


func test_disconnecting_wakes_a_blocked_read() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var reader := blocked_reader(pair)
		pair.client.disconnect_from_host()
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status")
		var got: Array = join(reader, "the reader")
		check_eq(got[0], FAILED, kind + ": what the reader returned")
		reaches(pair.served, STATUS_NONE, kind + ": the end on the other side")


func test_a_peer_can_connect_again_while_its_reader_wakes_up() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		for round in 5:
			var reader := blocked_reader(pair)
			pair.client.disconnect_from_host()
			# Immediately, so that the reader may still be inside a call on the old connection.
			check_eq(pair.endpoint.connect_peer(pair.client), OK, kind + ": connect again")
			check_eq(join(reader, "the reader")[0], FAILED, kind + ": the old read")
			pair.served = accept(pair.endpoint)
			settle(pair.client)
			pair.served.put_u8(round)
			check_eq(pair.client.get_u8(), round, kind + ": the new connection")


func test_calls_return_at_once_beside_a_blocked_write() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var writer := _blocked_writer(pair)
		for i in 100:
			check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": get_status")
			check_eq(pair.client.poll(), OK, kind + ": poll")
			check_eq(pair.client.get_available_bytes(), 0, kind + ": get_available_bytes")
			pair.served.put_u32(i)
			check_eq(pair.client.get_u32(), i, kind + ": the other direction")
		check_eq(writer.is_alive(), true, kind + ": the writer still waits")
		pair.client.disconnect_from_host()
		check_eq(join(writer, "the writer"), FAILED, kind + ": what the writer returned")
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status")


func test_disconnecting_wakes_both_directions() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var reader := blocked_reader(pair)
		var writer := _blocked_writer(pair)
		pair.client.disconnect_from_host()
		check_eq(join(reader, "the reader")[0], FAILED, kind + ": what the reader returned")
		check_eq(join(writer, "the writer"), FAILED, kind + ": what the writer returned")


func test_a_reset_wakes_both_directions() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var reader := blocked_reader(pair)
		var writer := _blocked_writer(pair)
		pair.served.abort()
		check(join(reader, "the reader")[0] != OK, kind + ": what the reader returned")
		check(join(writer, "the writer") != OK, kind + ": what the writer returned")


func test_a_server_can_be_stopped_while_a_thread_accepts() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var state := {"stop": false}
		var asker := in_thread(func() -> int:
			var asked := 0
			while not state["stop"]:
				end.server.is_connection_available()
				end.server.take_connection()
				asked += 1
			return asked)
		for round in 20:
			end.server.stop()
			check_eq(end.reopen(), OK, kind + ": listen again")
		state["stop"] = true
		check(join(asker, "the asker") >= 0, kind + ": the asker")


func test_threads_can_make_every_call_at_once() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		var calls: Array[Callable] = [
			func() -> bool: return end.connect_peer(peer) in [OK, FAILED, ERR_ALREADY_IN_USE],
			func() -> bool: return peer.poll() in [OK, FAILED, ERR_CONNECTION_ERROR],
			func() -> bool: return peer.get_partial_data(10)[0] in [OK, FAILED, ERR_FILE_EOF],
			func() -> bool: return peer.put_partial_data([1, 2, 3])[0] in [OK, FAILED],
			func() -> bool: return peer.get_available_bytes() >= -1,
			func() -> bool:
				peer.disconnect_from_host()
				return true,
			func() -> bool:
				var served: StreamPeer = end.server.take_connection()
				return served == null or served.put_data([1]) in [OK, FAILED],
		]
		var threads: Array[Thread] = []
		# Connecting a connected peer prints an error by contract, on any thread.
		mute(true)
		for call in calls:
			threads.append(in_thread(func() -> int:
				var answered := 0
				for i in 1000:
					answered += int(call.call() == true)
				return answered))
		for i in threads.size():
			check_eq(join(threads[i], "a caller"), 1000, "%s: answers to call %d" % [kind, i])
		mute(false)
		peer.disconnect_from_host()
		check_eq(peer.get_status(), STATUS_NONE, kind + ": status after disconnect_from_host")
		while end.server.take_connection() != null:
			pass
		check_eq(end.connect_peer(peer), OK, kind + ": the peer still works")
		settle(peer)
		peer.put_u8(6)
		check_eq(accept(end).get_u8(), 6, kind + ": a byte")


# A thread that is blocked in `put_data` on the client: it has not ended, and no more bytes arrive
# at the other side.
func _blocked_writer(pair: Link) -> Thread:
	var writer := in_thread(func() -> int:
		var bytes := PackedByteArray()
		bytes.resize(MORE_THAN_THE_SYSTEM_TAKES)
		return pair.client.put_data(bytes))
	arrived(pair.served, 1)
	var seen := [0, 0]
	spin_until(func() -> bool:
		var now := pair.served.get_available_bytes()
		seen[1] = seen[1] + 1 if now == seen[0] else 0
		seen[0] = now
		return seen[1] == 20, "the writer to fill the system's buffers")
	return writer
