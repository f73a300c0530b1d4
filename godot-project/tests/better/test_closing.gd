extends "res://tests/support/test_case.gd"
## The end of a connection: gracefully by default, and one direction at a time on request.


func test_closing_with_unread_input_does_not_reset_the_peer() -> void:
	for kind: String in family.kinds():
		# The other side is the engine's peer, which loses data that arrived before a reset.
		var pair := link(kind, LOOPBACK, Family.engine())
		pair.served.put_u8(1)
		arrived(pair.client, 1)
		pair.client.put_data([1, 2, 3, 4])
		pair.client.disconnect_from_host()
		spin_until(func() -> bool:
			return pair.served.get_status() != STATUS_CONNECTED or pair.served.get_available_bytes() == 4,
					kind + ": the bytes")
		for i in 20:
			check_eq(pair.served.poll(), OK, kind + ": poll of the other side")
		if check_eq(pair.served.get_status(), STATUS_CONNECTED, kind + ": status of the other side"):
			check_eq(pair.served.get_data(4), [OK, PackedByteArray([1, 2, 3, 4])],
					kind + ": the bytes before the close")
			check_eq(pair.served.get_partial_data(1)[0], ERR_FILE_EOF, kind + ": then the end")


func test_a_half_closed_stream_can_be_answered() -> void:
	for kind: String in family.kinds():
		# Only our peers can end one direction.
		var pair := link(kind, LOOPBACK, Family.ours())
		pair.client.set("allow_half_open", true)
		pair.served.put_data([1, 2])
		check_eq(pair.served.shutdown_write(), OK, kind + ": shutdown_write of the other side")
		arrived(pair.client, 2)
		check_eq(pair.client.get_data(2), [OK, PackedByteArray([1, 2])], kind + ": the request")
		# Enough polls for the end to arrive.
		for i in 100:
			pair.client.poll()
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status after the request")
		if check_eq(pair.client.put_data([3, 4]), OK, kind + ": the reply"):
			check_eq(pair.served.get_data(2), [OK, PackedByteArray([3, 4])], kind + ": the reply arrives")


func test_the_address_stays_readable_after_a_disconnect() -> void:
	var pair := link("tcp")
	pair.served.disconnect_from_host()
	reaches(pair.client, STATUS_NONE, "the end")
	check_eq(pair.client.get_connected_host(), LOOPBACK, "host")
	check_eq(pair.client.get_connected_port(), pair.endpoint.port, "port")
	if not family.kinds().has("uds"):
		return
	pair = link("uds")
	pair.served.disconnect_from_host()
	reaches(pair.client, STATUS_NONE, "the end")
	check_eq(pair.client.get_connected_path(), pair.endpoint.path, "path")
