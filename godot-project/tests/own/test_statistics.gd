extends "res://tests/support/test_case.gd"
## `get_statistics`: counts of bytes and packets, the attempts of a connect, times, and the values
## after the end.

const BIG := 16 << 20


func test_a_new_peer_counts_nothing() -> void:
	for kind: String in family.kinds():
		var peer: StreamPeer = family.peer(kind)
		check_eq(peer.get_statistics(),
				{"bytes_received": 0, "bytes_unread": 0, "bytes_sent": 0, "bytes_queued": 0,
				"bytes_accepted": 0,
				"packets_received": 0, "packets_sent": 0,
				"connect_attempts": [] as Array[Dictionary]}, kind + ": get_statistics")


func test_every_byte_is_counted_once() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.put_u32(7)
		pair.client.put_data([1, 2, 3])
		check_eq(pair.client.get_statistics().bytes_sent, 7, kind + ": sent")
		check_eq(pair.served.get_u32(), 7, kind + ": a number")
		arrived(pair.served, 3)
		var counted: Dictionary = pair.served.get_statistics()
		check_eq(counted.bytes_received - counted.bytes_unread, 4,
				kind + ": bytes that the script has read")
		check_eq(pair.served.receive(), PackedByteArray([1, 2, 3]), kind + ": the rest")
		counted = pair.served.get_statistics()
		check_eq([counted.bytes_received, counted.bytes_unread, counted.bytes_sent], [7, 0, 0],
				kind + ": at the end")


func test_packets_are_counted_beside_their_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := [PacketPeerSocketRs.new(), PacketPeerSocketRs.new()]
		packets[0].stream = pair.client
		packets[1].stream = pair.served
		pair.client.put_32(0)
		for text: String in ["one", "two"]:
			packets[0].put_text(text)
		packets[0].max_packet_bytes = 2
		check_eq(packets[0].put_text("too long"), ERR_INVALID_PARAMETER,
				kind + ": a packet that is too long")
		var counted: Dictionary = pair.client.get_statistics()
		check_eq([counted.packets_sent, counted.bytes_sent, counted.packets_received], [2, 18, 0],
				kind + ": sent")
		# Bytes that are read in another way do not count as a packet.
		check_eq(pair.served.get_32(), 0, kind + ": four bytes")
		arrived(pair.served, 14)
		check_eq(packets[1].get_available_packet_count(), 2, kind + ": available packets")
		check_eq(pair.served.get_statistics().packets_received, 0,
				kind + ": packets that are not read do not count")
		check_eq(packets[1].get_text(), "one", kind + ": the first one")
		check_eq(pair.served.get_statistics().packets_received, 1, kind + ": received")
		check_eq(packets[1].get_text(), "two", kind + ": the second one")
		pair.client.disconnect_from_host()
		reaches(pair.served, STATUS_NONE, kind + ": the end")
		check_eq(pair.served.get_statistics().packets_received, 2, kind + ": after the end")
		check_eq(pair.client.get_statistics().packets_sent, 2, kind + ": sent, after the end")


func test_broadcasts_are_counted_for_each_member() -> void:
	for kind: String in family.kinds():
		var group := StreamPeerSocketGroupRs.new()
		var pairs := [link(kind), link(kind)]
		for pair: Link in pairs:
			var packets := PacketPeerSocketRs.new()
			packets.stream = pair.client
			group.add(packets)
		group.broadcast([1, 2])
		for pair: Link in pairs:
			arrived(pair.served, 6)
			check_eq(pair.client.get_statistics().packets_sent, 1, kind + ": packets sent")


func test_partial_writes_count_the_bytes_that_were_taken() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		bound_buffers(pair)
		var data := PackedByteArray()
		data.resize(BIG)
		var put: Array = pair.client.put_partial_data(data)
		check(put[1] > 0 and put[1] < BIG, kind + ": a part is taken")
		check_eq(pair.client.get_statistics().bytes_sent, put[1], kind + ": sent")
		pair.client.write_timeout = 0.01
		check_eq(pair.client.put_data(data), ERR_TIMEOUT, kind + ": put_data")
		check_eq(pair.client.get_statistics().bytes_sent, put[1] + pair.client.get_last_written_bytes(),
				kind + ": sent before the timeout")


func test_queued_bytes_are_counted_separately() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		bound_buffers(pair)
		pair.client.write_buffer_limit = BIG
		var data := PackedByteArray()
		data.resize(BIG)
		check_eq(pair.client.put_data(data), OK, kind + ": put_data")
		var counted: Dictionary = pair.client.get_statistics()
		check(counted.bytes_queued > 0, kind + ": bytes are queued")
		check_eq(counted.bytes_sent + counted.bytes_queued, BIG, kind + ": sent and queued")
		check_eq(counted.bytes_queued, pair.client.get_pending_write_bytes(), kind + ": queued")


func test_a_connect_lists_its_attempt() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var address: String = (pair.endpoint.path if kind == "uds"
				else "%s:%d" % [LOOPBACK, pair.endpoint.port])
		var attempts: Array = pair.client.get_statistics().connect_attempts
		check_eq(attempts.size(), 1, kind + ": attempts")
		check_eq([attempts[0].address, attempts[0].error, attempts[0].message], [address, OK, ""],
				kind + ": the attempt")
		check(attempts[0].seconds >= 0.0 and attempts[0].began_after >= 0.0, kind + ": its times")
		check_eq(pair.served.get_statistics().connect_attempts.size(), 0, kind + ": of an accepted peer")


func test_each_address_of_a_name_is_listed() -> void:
	var end := endpoint("tcp")
	var peer := StreamPeerTCPRs.new()
	peer.connect_to_host("localhost", end.port)
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "status")
	var attempts: Array = peer.get_statistics().connect_attempts
	check_eq(attempts.size(), 2, "attempts")
	check_eq(attempts[0].address, "[::1]:%d" % end.port, "the first address")
	check(attempts[0].error != OK, "no server listens there")
	check(attempts[0].message.begins_with("connect [::1]:%d: " % end.port),
			"the message: " + attempts[0].message)
	check_eq([attempts[1].address, attempts[1].error], ["127.0.0.1:%d" % end.port, OK],
			"the second one")


func test_attempts_in_progress_and_cancelled_have_their_own_errors() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var peer: StreamPeer = fill(end).back()
		var attempt: Dictionary = peer.get_statistics().connect_attempts[0]
		check_eq(attempt.error, ERR_BUSY, kind + ": in progress")
		check(not peer.get_statistics().has("age"), kind + ": it is not connected")
		peer.disconnect_from_host()
		attempt = peer.get_statistics().connect_attempts[0]
		check_eq(attempt.error, ERR_SKIP, kind + ": cancelled")


func test_times_and_round_trips_are_reported() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var counted: Dictionary = pair.client.get_statistics()
		check(counted.age >= 0.0, kind + ": age")
		check(not counted.has("since_sent") and not counted.has("since_received"),
				kind + ": nothing was moved")
		pair.client.put_u8(1)
		pair.served.get_u8()
		pair.served.put_u8(2)
		pair.client.get_u8()
		counted = pair.client.get_statistics()
		for name: String in ["since_sent", "since_received"]:
			check(counted[name] >= 0.0 and counted[name] <= counted.age, kind + ": " + name)
		if kind == "uds":
			check(not counted.has("round_trip_time") and not counted.has("retransmits"),
					kind + ": it is not TCP")
		elif OS.has_feature("linux"):
			check(counted.round_trip_time > 0.0 and counted.round_trip_time < PATIENCE,
					kind + ": round_trip_time")
			check_eq(counted.retransmits, 0, kind + ": retransmits")


func test_counts_stay_until_the_next_connect() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.put_data([1, 2, 3])
		arrived(pair.served, 3)
		pair.served.receive()
		pair.client.disconnect_from_host()
		reaches(pair.served, STATUS_NONE, kind + ": the end")
		for peer: StreamPeer in [pair.client, pair.served]:
			var counted: Dictionary = peer.get_statistics()
			check_eq(counted.bytes_sent + counted.bytes_received, 3, kind + ": bytes after the end")
			check(not counted.has("round_trip_time"), kind + ": no round_trip_time after the end")
			check_eq(peer.get_statistics(), counted, kind + ": the statistics stay the same")
		check_eq(pair.endpoint.connect_peer(pair.client), OK, kind + ": connect_to_host")
		check_eq(pair.client.get_statistics().bytes_sent, 0, kind + ": bytes of the next connection")


func test_statistics_can_be_read_while_another_thread_is_blocked() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var reader := blocked_reader(pair)
		check_eq(pair.client.get_statistics().bytes_received, 1,
				kind + ": the bytes that the reader has received")
		pair.served.put_u8(2)
		join(reader, kind + ": the reader")
		check_eq(pair.client.get_statistics().bytes_received, 2, kind + ": all of it")
