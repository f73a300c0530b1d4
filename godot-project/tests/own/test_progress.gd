extends "res://tests/support/test_case.gd"
## The progress of packets that arrive and of data that is sent, and members that never read.

const BIG := 32 << 20


func test_a_packet_that_arrives_slowly_shows_its_progress() -> void:
	for kind: String in family.kinds():
		for in_group: bool in [false, true]:
			var end := endpoint(kind)
			var relay := SocketRelayRs.new()
			relay.to_client.bandwidth = 1_000_000
			var packets := PacketPeerSocketRs.new()
			packets.stream = family.peer(kind)
			if kind == "tcp":
				relay.set_target_host(LOOPBACK, end.port)
				relay.listen(0, LOOPBACK)
				packets.stream.connect_to_host(LOOPBACK, relay.get_local_port())
			else:
				relay.set_target_path(end.path)
				relay.listen_at_path(fresh_path())
				packets.stream.connect_to_host(relay.get_listen_path())
			spin_until(func() -> bool:
				relay.poll()
				packets.poll()
				return end.server.is_connection_available(), kind + ": the link")
			var sender := PacketPeerSocketRs.new()
			sender.stream = end.server.take_connection()
			sender.stream.write_buffer_limit = 1 << 20
			_shows(packets, 0, -1, kind + ": before")
			var packet := PackedByteArray()
			packet.resize(200_000)
			check_eq(sender.put_packet(packet), OK, kind + ": put_packet")
			var received := []
			packets.packet_received.connect(
					func(whole: PackedByteArray) -> void: received.append(whole.size()))
			var group := StreamPeerSocketGroupRs.new()
			if in_group:
				group.add(packets)
			var steps := [0]
			var is_right := [true]
			spin_until(func() -> bool:
				sender.poll()
				relay.poll()
				if in_group:
					group.poll()
				else:
					packets.poll()
				var bytes := packets.get_incoming_packet_bytes()
				if not received.is_empty():
					return true
				is_right[0] = is_right[0] and bytes >= steps[-1] and bytes <= 200_000
				is_right[0] = is_right[0] and packets.get_incoming_packet_size() in [-1, 200_000]
				if bytes > steps[-1]:
					is_right[0] = is_right[0] and packets.get_incoming_packet_size() == 200_000
					steps.append(bytes)
				return false, kind + ": the packet")
			check(is_right[0], "%s: it only grows: %s" % [kind, steps])
			check(steps.size() > 5, "%s: steps: %d" % [kind, steps.size()])
			check_eq(received, [200_000], kind + ": received")
			_shows(packets, 0, -1, kind + ": after")


func test_a_line_has_no_size_until_it_is_complete() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var lines := PacketPeerSocketRs.new()
		_shows(lines, 0, -1, kind + ": without a stream")
		lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
		lines.stream = pair.client
		pair.served.put_data("one\ntw".to_ascii_buffer())
		arrived(pair.client, 6)
		check_eq(lines.get_available_packet_count(), 1, kind + ": count")
		_shows(lines, 2, -1, kind + ": half a line")
		check_eq(lines.get_text(), "one", kind + ": get_text")
		_shows(lines, 2, -1, kind + ": half a line, alone")
		pair.client.disconnect_from_host()
		_shows(lines, 0, -1, kind + ": after the end")


func test_what_is_accepted_sent_and_acknowledged_is_counted() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		check_eq(pair.client.get_statistics().bytes_accepted, 0, kind + ": before")
		pair.client.write_buffer_limit = BIG
		var data := PackedByteArray()
		data.resize(BIG)
		check_eq(pair.client.put_data(data), OK, kind + ": put_data")
		var counted: Dictionary = pair.client.get_statistics()
		check_eq(counted.bytes_accepted, BIG, kind + ": accepted")
		check_eq(counted.bytes_sent + counted.bytes_queued, BIG, kind + ": sent and queued")
		check(counted.stalled >= 0.0, kind + ": it waits")
		var is_reported: bool = kind == "tcp" and OS.get_name() in ["Linux", "Android", "macOS", "iOS"]
		check_eq(counted.has("bytes_acknowledged"), is_reported, kind + ": has bytes_acknowledged")
		if is_reported:
			check(counted.bytes_acknowledged <= counted.bytes_sent, kind + ": acknowledged")
		spin_until(func() -> bool:
			pair.served.receive()
			pair.client.poll()
			var now: Dictionary = pair.client.get_statistics()
			return now.bytes_queued == 0 and now.get("bytes_acknowledged", BIG) == BIG,
			kind + ": all of it")
		check_eq(pair.client.get_statistics().has("stalled"), false, kind + ": nothing waits")
		pair.client.disconnect_from_host()
		counted = pair.client.get_statistics()
		check_eq(counted.bytes_accepted, BIG, kind + ": after the end")
		check_eq(counted.has("bytes_acknowledged"), false, kind + ": acknowledged after the end")


func test_a_member_that_never_reads_is_aborted() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var group := StreamPeerSocketGroupRs.new()
		check_eq(group.max_stalled_seconds, 0.0, "the default")
		group.max_stalled_seconds = 0.3
		check_eq(group.max_stalled_seconds, 0.3, "max_stalled_seconds")
		group.accept_from(end.server)
		var clients := [dial(end), dial(end)]
		spin_until(func() -> bool:
			group.poll()
			return group.get_count() == 3, kind + ": the members")
		var lost := []
		group.peer_disconnected.connect(func(peer: RefCounted, error: int) -> void:
			lost.append([error, peer.get_last_error(), peer.get_last_error_message()]))
		var data := PackedByteArray()
		data.resize(1 << 20)
		for client: StreamPeer in clients:
			settle(client)
		spin_until(func() -> bool:
			clients[0].receive()
			return group.broadcast(data).size() == 1, kind + ": a member takes no more")
		spin_until(func() -> bool:
			# The system may accept more after a while, so the queue is filled again.
			group.broadcast(data.slice(0, 65536))
			group.poll()
			# This one reads.
			clients[0].receive()
			OS.delay_msec(5)
			return not lost.is_empty(), kind + ": the end")
		check_eq([lost.size(), lost[0][0], lost[0][1]], [1, ERR_TIMEOUT, ERR_TIMEOUT], kind)
		check(lost[0][2].match("send to *: nothing accepted for 0.* s"), lost[0][2])
		check_eq(group.get_count(), 2, kind + ": the reader and the server are left")


func test_a_long_frame_ends_no_reader() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := StreamPeerSocketGroupRs.new()
		group.max_stalled_seconds = 0.2
		pair.client.write_buffer_limit = BIG
		group.add(pair.client)
		var data := PackedByteArray()
		data.resize(BIG)
		pair.client.put_data(data)
		group.poll()
		for i in 3:
			OS.delay_msec(400)
			group.poll()
			check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": after a long frame")
			pair.served.receive()
			group.poll()


func test_a_limit_that_is_not_a_number_of_seconds_is_refused() -> void:
	var group := StreamPeerSocketGroupRs.new()
	group.max_stalled_seconds = 2.0
	for seconds: float in [-1.0, NAN]:
		quietly(func() -> void: group.max_stalled_seconds = seconds)
		check_eq(group.max_stalled_seconds, 2.0, str(seconds))
	group.max_stalled_seconds = INF
	check_eq(group.max_stalled_seconds, 0.0, "no limit")


func _shows(packets: PacketPeerSocketRs, bytes: int, size: int, what: String) -> void:
	check_eq([packets.get_incoming_packet_bytes(), packets.get_incoming_packet_size()],
			[bytes, size], what)
