extends "res://tests/support/test_case.gd"
## A group reports each event once and in order, whatever its handlers do.


## A packet peer for lines over one end of a new pair, and the other end.
class Lines:
	var packets := PacketPeerSocketRs.new()
	var other: StreamPeer

	func _init(pair: RefCounted) -> void:
		packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
		packets.stream = pair.client
		other = pair.served

	func put(text: String) -> void:
		other.put_data(text.to_ascii_buffer())

	func left() -> Array:
		var left := []
		while packets.get_available_packet_count() > 0:
			left.append(packets.get_packet().get_string_from_ascii())
		return left


func test_data_that_arrives_while_bytes_are_unread_is_reported() -> void:
	var ways := {
		"get_data": func(peer: StreamPeerSocketRs) -> void: peer.get_data(8),
		"receive": func(peer: StreamPeerSocketRs) -> void: peer.receive(8),
		"read_exact": func(peer: StreamPeerSocketRs) -> void: peer.read_exact(8),
		"get_u64": func(peer: StreamPeerSocketRs) -> void: peer.get_u64(),
		"read_until": func(peer: StreamPeerSocketRs) -> void: peer.read_until("x"),
	}
	for kind: String in family.kinds():
		for way: String in ways:
			var pair := link(kind)
			var group := StreamPeerSocketGroupRs.new()
			group.add(pair.client)
			var got := [0, 0]
			group.peer_data_available.connect(func(peer: StreamPeerSocketRs) -> void:
				ways[way].call(peer)
				got[0] += 1)
			group.peer_disconnected.connect(func(_peer: RefCounted, error: int) -> void: got[1] = error)
			var message := "1234567x".to_ascii_buffer()
			pair.served.put_data(message + message)
			arrived(pair.client, 16)
			group.poll()
			pair.served.put_data(message + message)
			pair.served.disconnect_from_host()
			_until(group, func() -> bool: return got[1] != OK)
			check_eq(got, [4, ERR_FILE_EOF], "%s, %s: messages and the end" % [kind, way])


func test_a_waiting_poll_reports_data_that_arrived_while_bytes_were_unread() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := StreamPeerSocketGroupRs.new()
		group.add(pair.client)
		pair.served.put_data([1, 2])
		arrived(pair.client, 2)
		check_eq(group.poll(), [pair.client], kind)
		pair.served.put_data([3])
		spin_until(func() -> bool: return group.poll() == [pair.client], kind + ": the unread bytes")
		check_eq(pair.client.get_u16(), 0x0201, kind)
		check_eq(group.poll(5000), [pair.client], kind + ": the third byte")
		check_eq(pair.client.get_u8(), 3, kind)


func test_packets_are_read_only_while_a_handler_is_connected() -> void:
	for kind: String in family.kinds():
		for is_own: bool in [false, true]:
			for way: String in ["one shot", "disconnects itself", "await"]:
				var lines := Lines.new(link(kind))
				var group := StreamPeerSocketGroupRs.new()
				group.add(lines.packets)
				var received := []
				var listened: Signal = lines.packets.packet_received if is_own else group.peer_packet_received
				var connected := []
				var listen := func(a: Variant, b: Variant = null) -> void:
					received.append((a if b == null else b).get_string_from_ascii())
					if way == "disconnects itself":
						listened.disconnect(connected[0])
				connected.append(listen)
				match way:
					"await":
						_await_packet(listened, received)
					_:
						listened.connect(listen, CONNECT_ONE_SHOT if way == "one shot" else 0)
				lines.put("one\ntwo\nthree\n")
				arrived(lines.packets.stream, 14)
				if is_own:
					lines.packets.poll()
				group.poll()
				var what := "%s, %s, %s" % [kind, "own" if is_own else "group", way]
				check_eq([received, lines.left()], [["one"], ["two", "three"]], what)
				connected.clear()
				let_go(group)
				let_go(lines.packets)


func test_nothing_is_reported_after_a_removal() -> void:
	for kind: String in family.kinds():
		var lines := Lines.new(link(kind))
		var lobby := StreamPeerSocketGroupRs.new()
		var room := StreamPeerSocketGroupRs.new()
		var received := {lobby: [], room: []}
		lobby.peer_packet_received.connect(
				func(peer: PacketPeerSocketRs, packet: PackedByteArray) -> void:
					received[lobby].append(packet.get_string_from_ascii())
					lobby.remove(peer)
					room.add(peer))
		room.peer_packet_received.connect(
				func(_peer: PacketPeerSocketRs, packet: PackedByteArray) -> void:
					received[room].append(packet.get_string_from_ascii()))
		lobby.add(lines.packets)
		lines.put("login\nmove\nshoot\n")
		arrived(lines.packets.stream, 17)
		lobby.poll()
		room.poll()
		check_eq([received[lobby], received[room]], [["login"], ["move", "shoot"]],
				kind + ": from the lobby into the room")
		let_go(lobby)
		let_go(room)

		var end := endpoint(kind)
		var group := StreamPeerSocketGroupRs.new()
		var events := []
		group.peer_connected.connect(func(peer: RefCounted) -> void:
			events.append("connected")
			group.remove(peer))
		group.peer_data_available.connect(func(_peer: RefCounted) -> void: events.append("data"))
		group.peer_disconnected.connect(
				func(_peer: RefCounted, _error: int) -> void: events.append("disconnected"))
		group.accept_from(end.server)
		var client := dial(end)
		settle(client)
		client.put_data([1])
		client.disconnect_from_host()
		_until(group, func() -> bool: return not events.is_empty())
		for i in 10:
			group.poll(1)
		check_eq(events, ["connected"], kind + ": removed when it connected")
		let_go(group)


func test_the_error_of_an_end_belongs_to_its_own_connection() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var group := StreamPeerSocketGroupRs.new()
		var events := []
		group.peer_connected.connect(func(_peer: RefCounted) -> void: events.append("connected"))
		group.peer_disconnected.connect(func(_peer: RefCounted, error: int) -> void: events.append(error))
		var client: StreamPeer = family.peer(kind)
		group.add(client)
		end.connect_peer(client)
		_until(group, func() -> bool: return events.size() == 1)
		accept(end).disconnect_from_host()
		# The peer itself notices the end, and connects again before the group is polled.
		reaches(client, STATUS_NONE, kind + ": the end")
		end.connect_peer(client)
		settle(client)
		_until(group, func() -> bool: return events.size() == 3)
		check_eq(events, ["connected", ERR_FILE_EOF, "connected"], kind + ": added")

		# An accepted peer leaves the group with its first connection.
		events.clear()
		var servers := StreamPeerSocketGroupRs.new()
		var accepted := []
		servers.peer_connected.connect(func(peer: RefCounted) -> void: accepted.append(peer))
		servers.peer_disconnected.connect(
				func(_peer: RefCounted, error: int) -> void: accepted.append(error))
		var other := endpoint(kind)
		servers.accept_from(end.server)
		var caller := dial(end)
		_until(servers, func() -> bool: return accepted.size() >= 2)
		var peer: StreamPeer = accepted[1]
		peer.disconnect_from_host()
		other.connect_peer(peer)
		settle(peer)
		for i in 3:
			servers.poll()
		check_eq(accepted.slice(2), [OK], kind + ": accepted, and connected elsewhere")
		check_eq(peer.get_status(), STATUS_CONNECTED, kind + ": it stays connected")
		check(peer not in servers.get_members(), kind + ": it is no longer a member")
		caller.disconnect_from_host()


func test_a_group_follows_a_packet_peer_to_another_stream() -> void:
	for kind: String in family.kinds():
		var before := Lines.new(link(kind))
		var group := StreamPeerSocketGroupRs.new()
		group.add(before.packets)
		var received := []
		group.peer_packet_received.connect(func(_peer: RefCounted, packet: PackedByteArray) -> void:
			received.append(packet.get_string_from_ascii()))
		group.peer_disconnected.connect(func(_peer: RefCounted, error: int) -> void:
			received.append(error))
		var pair := link(kind)
		before.packets.stream = pair.client
		pair.served.put_data("new\n".to_ascii_buffer())
		before.put("old\n")
		_until(group, func() -> bool: return received.size() == 1)
		before.other.disconnect_from_host()
		before.packets.stream = null
		for i in 3:
			group.poll()
		check_eq(received, ["new"], kind + ": one stream after the other")
		before.packets.stream = pair.client
		pair.served.put_data("again\n".to_ascii_buffer())
		_until(group, func() -> bool: return received.size() == 2)
		pair.served.disconnect_from_host()
		_until(group, func() -> bool: return received.size() == 3)
		check_eq(received, ["new", "again", ERR_FILE_EOF], kind + ": and to its end")


func test_polling_a_packet_peer_takes_no_event_from_its_groups() -> void:
	for kind: String in family.kinds():
		var lines := Lines.new(link(kind))
		var groups := [StreamPeerSocketGroupRs.new(), StreamPeerSocketGroupRs.new()]
		var own := []
		var received := [[], []]
		lines.packets.packet_received.connect(
				func(packet: PackedByteArray) -> void: own.append(packet.get_string_from_ascii()))
		for i in 2:
			groups[i].add(lines.packets)
			groups[i].peer_packet_received.connect(func(_peer: RefCounted, packet: PackedByteArray) -> void:
				received[i].append(packet.get_string_from_ascii()))
			groups[i].peer_disconnected.connect(
					func(_peer: RefCounted, error: int) -> void: received[i].append(error))
		lines.put("one\n")
		arrived(lines.packets.stream, 4)
		groups[0].poll()
		lines.put("two\n")
		arrived(lines.packets.stream, 4)
		lines.packets.poll()
		check_eq([own, received[1]], [["one", "two"], []], kind + ": a group reports when it is polled")
		lines.other.disconnect_from_host()
		spin_until(func() -> bool:
			lines.packets.poll()
			return lines.packets.stream.get_status() == STATUS_NONE, kind + ": the end")
		for i in 2:
			groups[i].poll()
			check_eq(received[i], ["one", "two", ERR_FILE_EOF], "%s: group %d" % [kind, i])


func test_polls_in_handlers_are_bounded_and_skip_no_member() -> void:
	var group := StreamPeerSocketGroupRs.new()
	var depth := [0, 0]
	var got := {}
	group.peer_data_available.connect(func(peer: StreamPeerSocketRs) -> void:
		depth[0] += 1
		depth[1] = maxi(depth[1], depth[0])
		peer.receive()
		got[peer] = true
		group.poll()
		depth[0] -= 1)
	var pairs := []
	for i in 2500:
		var pair := link(family.kinds()[0]) if i == 0 else null
		var ends: Array = [pair.client, pair.served] if pair != null else _pair()
		if ends.is_empty():
			return
		group.add(ends[0])
		ends[1].put_u8(1)
		pairs.append(ends)
	spin_until(func() -> bool:
		group.poll()
		return got.size() == pairs.size(), "an event of every member")
	check(depth[1] <= 16, "%d nested polls" % depth[1])
	let_go(group)
	# A handler that reads nothing is not called again by its own poll.
	var calls := [0]
	var silent := StreamPeerSocketGroupRs.new()
	silent.peer_data_available.connect(func(_peer: RefCounted) -> void:
		calls[0] += 1
		silent.poll())
	for i in 20:
		silent.add(pairs[i][0])
		pairs[i][1].put_u8(1)
	for i in 20:
		arrived(pairs[i][0], 1)
	silent.poll()
	check_eq(calls[0], 20, "one call per member")
	let_go(silent)


func test_one_poll_is_bounded_and_serves_all_members() -> void:
	var flood := Lines.new(link(family.kinds()[0]))
	var calm := Lines.new(link(family.kinds()[0]))
	var group := StreamPeerSocketGroupRs.new()
	group.add(flood.packets)
	group.add(calm.packets)
	var counts := {flood.packets: 0, calm.packets: 0}
	var at := []
	group.peer_packet_received.connect(
			func(peer: PacketPeerSocketRs, _packet: PackedByteArray) -> void:
				counts[peer] += 1
				if peer == calm.packets:
					at.append(counts[flood.packets]))
	flood.other.write_buffer_limit = 1 << 20
	flood.put("\n".repeat(100_000))
	calm.put("hello\n")
	arrived(flood.packets.stream, 10_000)
	arrived(calm.packets.stream, 6)
	group.poll()
	check(counts[flood.packets] in range(1, 3000), "%d packets in one poll" % counts[flood.packets])
	check(at.size() == 1 and at[0] < 200, "the other member is served: %s" % [at])
	spin_until(func() -> bool:
		flood.other.poll()
		group.poll()
		return counts[flood.packets] == 100_000, "all packets")


func test_broadcasts_in_handlers_do_not_refuse_members_that_read() -> void:
	for kind: String in family.kinds():
		var group := StreamPeerSocketGroupRs.new()
		var pairs: Array[Link] = []
		for i in 5:
			pairs.append(link(kind))
			group.add(pairs[i].served)
		var block := PackedByteArray()
		block.resize(200_000)
		var refused := []
		group.peer_data_available.connect(func(peer: StreamPeerSocketRs) -> void:
			peer.receive()
			for i in 6:
				refused.append_array(group.broadcast(block))
				for pair in pairs:
					# The members keep reading.
					pair.client.receive())
		pairs[0].client.put_u8(1)
		arrived(pairs[0].served, 1)
		group.poll()
		check_eq(refused.size(), 0, kind + ": refused members")
		# The member's own, smaller limit also holds for broadcasts.
		pairs[1].served.write_buffer_limit = 1000
		check_eq(group.broadcast(block), [pairs[1].served], kind + ": a block larger than its limit")
		check(pairs[1].served.get_last_error_message().contains("exceed the write buffer"),
				pairs[1].served.get_last_error_message())
		let_go(group)


func test_broadcasts_in_handlers_are_sent_before_poll_waits() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var listener := link(kind)
		var group := StreamPeerSocketGroupRs.new()
		group.add(pair.served)
		group.add(listener.served)
		group.peer_data_available.connect(func(peer: StreamPeerSocketRs) -> void:
			group.broadcast(peer.receive(), [peer]))
		var poller := in_thread(func() -> void: group.poll(-1))
		pair.client.put_data([7])
		check(arrived(listener.client, 1), kind + ": the broadcast, while the group waits")
		group.wake()
		join(poller, kind + ": the poller")
		let_go(group)


func test_wake_in_a_handler_ends_the_outer_poll() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := StreamPeerSocketGroupRs.new()
		group.add(pair.client)
		group.peer_data_available.connect(func(peer: StreamPeerSocketRs) -> void:
			peer.receive()
			group.wake()
			group.poll())
		pair.served.put_u8(1)
		arrived(pair.client, 1)
		join(in_thread(func() -> void: group.poll(-1)), kind + ": the poll")
		let_go(group)


func test_a_handler_can_wait_for_the_next_packet_of_its_peer() -> void:
	for kind: String in family.kinds():
		var lines := Lines.new(link(kind))
		var group := StreamPeerSocketGroupRs.new()
		group.add(lines.packets)
		var received := []
		group.peer_packet_received.connect(func(_peer: RefCounted, packet: PackedByteArray) -> void:
			received.append(packet.get_string_from_ascii())
			if received == ["header"]:
				spin_until(func() -> bool:
					group.poll(10)
					return received.size() == 2, kind + ": the body"))
		lines.put("header\nbody\n")
		arrived(lines.packets.stream, 12)
		group.poll()
		check_eq(received, ["header", "body"], kind)
		let_go(group)


func test_nested_polls_emit_the_peers_own_signals() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var group := StreamPeerSocketGroupRs.new()
		group.accept_from(end.server)
		var counts := [0, 0]
		group.peer_connected.connect(func(peer: StreamPeerSocketRs) -> void:
			peer.disconnected.connect(func(_error: int) -> void: counts[0] += 1))
		group.peer_disconnected.connect(func(_peer: RefCounted, _error: int) -> void:
			counts[1] += 1
			group.poll())
		var clients: Array[StreamPeer] = []
		for i in 40:
			clients.append(dial(end))
			_until(group, func() -> bool: return group.get_count() == i + 2)
		for client in clients:
			settle(client)
			client.disconnect_from_host()
		_until(group, func() -> bool: return counts[1] == 40)
		check_eq(counts, [40, 40], kind)
		let_go(group)


func test_accept_from_copies_the_format_when_it_is_called() -> void:
	var end := endpoint(family.kinds()[0])
	var group := StreamPeerSocketGroupRs.new()
	var format := PacketPeerSocketRs.new()
	format.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	group.accept_from(end.server, format)
	format.framing = PacketPeerSocketRs.FRAMING_LENGTH
	var client := dial(end)
	_until(group, func() -> bool: return group.get_count() == 2)
	check_eq(group.get_members()[1].framing, PacketPeerSocketRs.FRAMING_DELIMITER, "the framing")
	settle(client)


func test_a_broadcast_is_queued_behind_a_blocking_write() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		bound_buffers(pair)
		var group := StreamPeerSocketGroupRs.new()
		group.add(pair.client)
		var block := PackedByteArray()
		block.resize(8 << 20)
		var writer := in_thread(func() -> int: return pair.client.put_data(block))
		arrived(pair.served, 1)
		check_eq(group.broadcast([7]), [], kind + ": no member refused it")
		check_eq(pair.served.get_data(block.size())[0], OK, kind + ": the block")
		check_eq(join(writer, "the writer"), OK, kind + ": put_data")
		_until(group, func() -> bool: return pair.served.get_available_bytes() > 0)
		check_eq(pair.served.get_u8(), 7, kind + ": then the broadcast")


func test_packets_kept_for_a_group_that_is_not_polled_are_bounded() -> void:
	var lines := Lines.new(link(family.kinds()[0]))
	var groups := [StreamPeerSocketGroupRs.new(), StreamPeerSocketGroupRs.new()]
	var counts := [0, 0]
	for i in 2:
		groups[i].add(lines.packets)
		groups[i].peer_packet_received.connect(
				func(_peer: RefCounted, _packet: PackedByteArray) -> void: counts[i] += 1)
	lines.other.write_buffer_limit = 1 << 20
	lines.put("\n".repeat(20_000))
	for i in 50:
		lines.other.poll()
		groups[0].poll()
	check(counts[0] in range(100, 10_000),
			"%d packets, while the other group is not polled" % counts[0])
	spin_until(func() -> bool:
		lines.other.poll()
		groups[0].poll()
		groups[1].poll()
		return counts[0] == 20_000 and counts[1] == 20_000, "all packets in both groups")


func _pair() -> Array:
	var pair: Array = StreamPeerUDSRs.create_pair() if family.kinds().size() > 1 else []
	return pair


func _await_packet(listened: Signal, received: Array) -> void:
	var packet: Variant = await listened
	received.append((packet[1] if packet is Array else packet).get_string_from_ascii())


func _until(group: StreamPeerSocketGroupRs, condition: Callable) -> void:
	spin_until(func() -> bool:
		group.poll()
		return condition.call(), "the group's report")
