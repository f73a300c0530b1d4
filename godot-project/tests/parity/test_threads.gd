extends "res://tests/support/test_case.gd"
## Peers made on one thread and used on another, and calls that block their thread.


func test_a_blocked_read_waits_for_all_its_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var reader := in_thread(func() -> Array: return pair.client.get_data(4))
		pair.served.put_data([1, 2])
		pair.served.put_data([3, 4])
		check_eq(join(reader, "the reader"), [OK, PackedByteArray([1, 2, 3, 4])], kind + ": get_data")


func test_a_blocked_read_ends_with_the_stream() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var reader := in_thread(func() -> Array: return pair.client.get_data(4))
		pair.served.put_data([1, 2])
		pair.served.disconnect_from_host()
		var got: Array = join(reader, "the reader")
		check_eq(got[0], ERR_FILE_EOF, kind + ": get_data")
		check_eq(got[1].slice(0, 2), PackedByteArray([1, 2]), kind + ": the received bytes")


func test_a_blocked_write_continues_when_the_reader_reads() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var bytes := PackedByteArray()
		bytes.resize(8 << 20)
		bytes.fill(3)
		var writer := in_thread(func() -> int: return pair.client.put_data(bytes))
		arrived(pair.served, 1000)
		check_eq(writer.is_alive(), true, kind + ": the writer waits while the system's buffers are full")
		check_eq(pair.served.get_data(bytes.size()), [OK, bytes], kind + ": get_data")
		check_eq(join(writer, "the writer"), OK, kind + ": put_data")


func test_sockets_can_be_made_and_used_on_another_thread() -> void:
	for kind: String in family.kinds():
		var thread := in_thread(func() -> String:
			var pair := link(kind)
			pair.client.put_string("from a thread")
			var text := pair.served.get_string()
			pair.client.disconnect_from_host()
			pair.endpoint.server.stop()
			return text)
		check_eq(join(thread, "the thread"), "from a thread", kind + ": the string")


func test_a_server_and_its_clients_can_run_on_threads() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var clients: Array[Thread] = []
		for i in 4:
			clients.append(in_thread(func() -> int:
				var peer: StreamPeer = family.peer(kind)
				end.connect_peer(peer)
				settle(peer)
				peer.put_32(i)
				return peer.get_32()))
		var server := in_thread(func() -> void:
			for i in 4:
				var peer := accept(end)
				peer.put_32(peer.get_32() * 10))
		join(server, "the server")
		for i in 4:
			check_eq(join(clients[i], "a client"), i * 10, "%s: the answer to client %d" % [kind, i])
