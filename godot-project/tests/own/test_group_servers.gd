extends "res://tests/support/test_case.gd"
## A server in a `StreamPeerSocketGroupRs`: accepting clients, reporting their events and
## broadcasting to them, whatever handlers do.

const CLIENTS := 500


## Records the group's signals. Members are numbered in the order of their first signal.
class Log:
	var entries := []
	var peers := []

	func _init(group: StreamPeerSocketGroupRs) -> void:
		group.peer_connected.connect(_on_connected)
		group.peer_data_available.connect(_on_data_available)
		group.peer_packet_received.connect(_on_packet_received)
		group.peer_disconnected.connect(_on_disconnected)

	func take() -> Array:
		var taken := entries
		entries = []
		return taken

	func _number(peer: RefCounted) -> int:
		if peer not in peers:
			peers.append(peer)
		return peers.find(peer)

	func _on_connected(peer: RefCounted) -> void:
		entries.append(["connected", _number(peer)])

	func _on_data_available(peer: StreamPeerSocketRs) -> void:
		entries.append(["data", _number(peer), peer.receive().get_string_from_ascii()])

	func _on_packet_received(peer: PacketPeerSocketRs, packet: PackedByteArray) -> void:
		entries.append(["packet", _number(peer), packet.get_string_from_ascii()])

	func _on_disconnected(peer: RefCounted, error: int) -> void:
		entries.append(["disconnected", _number(peer), error])


func test_accepted_peers_are_reported_from_connect_to_disconnect() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var group := StreamPeerSocketGroupRs.new()
		var log := Log.new(group)
		check_eq(group.accept_from(end.server), OK, kind + ": accept_from")
		check_eq(group.get_members(), [end.server], kind + ": the server is a member")
		var client := dial(end)
		_until(group, func() -> bool: return group.get_count() == 2)
		settle(client)
		client.put_data("hello".to_ascii_buffer())
		_until(group, func() -> bool: return log.entries.size() == 2)
		check_eq(log.take(), [["connected", 0], ["data", 0, "hello"]], kind)
		var peer: StreamPeerSocketRs = group.get_members()[1]
		check_eq(peer.get_status(), STATUS_CONNECTED, kind + ": the peer")
		check(peer.write_buffer_limit > 0, kind + ": it has a write queue, so it blocks no broadcast")
		check_eq(group.poll(), [], kind + ": nothing is left to report")
		client.put_data("bye".to_ascii_buffer())
		client.disconnect_from_host()
		_until(group, func() -> bool: return log.entries.size() == 2)
		check_eq(log.take(), [["data", 0, "bye"], ["disconnected", 0, ERR_FILE_EOF]], kind)
		check_eq(group.get_members(), [end.server], kind + ": it has left")


func test_added_peers_are_reported_from_connect_to_disconnect() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var group := StreamPeerSocketGroupRs.new()
		var log := Log.new(group)
		var client: StreamPeer = family.peer(kind)
		group.add(client)
		group.poll()
		check_eq(log.take(), [], kind + ": nothing has happened")
		for i in 2:
			end.connect_peer(client)
			_until(group, func() -> bool: return log.entries.size() == 1)
			check_eq(log.take(), [["connected", 0]], kind + ": the connect, once")
			var served := accept(end)
			served.disconnect_from_host()
			_until(group, func() -> bool: return log.entries.size() == 1)
			check_eq(log.take(), [["disconnected", 0, ERR_FILE_EOF]],
					kind + ": the end by the other side, once")
			check_eq(group.get_count(), 1, kind + ": it stays a member")
		end.connect_peer(client)
		_until(group, func() -> bool: return log.entries.size() == 1)
		client.disconnect_from_host()
		_until(group, func() -> bool: return log.entries.size() == 2)
		check_eq(log.take(), [["connected", 0], ["disconnected", 0, OK]],
				kind + ": the end by this side, once")
		end.connect_peer(client)
		_until(group, func() -> bool: return log.entries.size() == 1)
		client.disconnect_from_host()
		end.connect_peer(client)
		_until(group, func() -> bool: return log.entries.size() == 3)
		check_eq(log.take(), [["connected", 0], ["disconnected", 0, OK], ["connected", 0]],
				kind + ": between two polls")
		client.disconnect_from_host()
		group.poll()
		log.take()
		# Over a Unix domain socket the call itself fails.
		if kind == "uds":
			continue
		end.stop()
		end.connect_peer(client)
		_until(group, func() -> bool: return log.entries.size() == 1)
		check_eq(log.entries[0][0], "disconnected", kind + ": a connect that fails")
		check_eq(log.take()[0][2], client.get_last_error(), kind + ": its error")


func test_packet_peers_are_reported_by_packet() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var group := StreamPeerSocketGroupRs.new()
		var log := Log.new(group)
		var lines := PacketPeerSocketRs.new()
		lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
		lines.max_packet_bytes = 10
		group.accept_from(end.server, lines)
		var client := dial(end)
		_until(group, func() -> bool: return group.get_count() == 2)
		settle(client)
		client.put_data("one\ntwo\nthr".to_ascii_buffer())
		_until(group, func() -> bool: return log.entries.size() == 3)
		check_eq(log.take(), [["connected", 0], ["packet", 0, "one"], ["packet", 0, "two"]], kind)
		check_eq(group.poll(), [], kind + ": a partial packet is not reported")
		client.put_data("ee\nthis is too long\n".to_ascii_buffer())
		_until(group, func() -> bool: return log.entries.size() == 2)
		check_eq(log.take(), [["packet", 0, "three"], ["disconnected", 0, ERR_INVALID_DATA]],
				kind + ": the end after a packet that is too long")
		check_eq(group.get_count(), 1, kind + ": it has left")
		reaches(client, STATUS_NONE, kind + ": the client sees the end")


func test_poll_returns_packet_peers_with_packets_while_no_handler_is_connected() -> void:
	var pair := link(family.kinds()[0])
	var group := StreamPeerSocketGroupRs.new()
	var packets := PacketPeerSocketRs.new()
	check_eq(quietly(func() -> int: return group.add(packets)), ERR_INVALID_PARAMETER,
			"without a stream")
	packets.stream = pair.client
	check_eq(group.add(packets), OK, "with one")
	pair.served.put_data([1, 0, 0])
	arrived(pair.client, 3)
	check_eq(group.poll(), [], "with a partial packet")
	pair.served.put_data([0, 7])
	for i in 2:
		_until(group, func() -> bool: return group.poll() == [packets])
	check_eq(packets.get_packet(), PackedByteArray([7]), "get_packet")
	check_eq(group.poll(), [], "after it")


func test_a_malformed_packet_found_by_reading_is_reported() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var group := StreamPeerSocketGroupRs.new()
		var ends := []
		group.peer_disconnected.connect(func(_peer: RefCounted, error: int) -> void: ends.append(error))
		group.accept_from(end.server, PacketPeerSocketRs.new())
		var client := dial(end)
		settle(client)
		client.put_data([1, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0x7f])
		var got := []
		spin_until(func() -> bool:
			for member in group.poll():
				while member is PacketPeerSocketRs and member.get_available_packet_count() > 0:
					got.append(member.get_packet())
			return not ends.is_empty(), "the end")
		check_eq([got, ends], [[PackedByteArray([7])], [ERR_INVALID_DATA]], kind)


func test_clients_beyond_max_members_are_refused() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var group := StreamPeerSocketGroupRs.new()
		var log := Log.new(group)
		group.max_members = 2
		group.accept_from(end.server)
		var clients := [dial(end), dial(end)]
		_until(group, func() -> bool: return group.get_count() == 3)
		var late := dial(end)
		_until(group, func() -> bool:
			late.poll()
			return late.get_status() in [STATUS_NONE, STATUS_ERROR])
		check_eq(group.get_count(), 3, kind + ": the server and two")
		clients[0].disconnect_from_host()
		_until(group, func() -> bool: return group.get_count() == 2)
		late = dial(end)
		_until(group, func() -> bool: return group.get_count() == 3)
		check_eq(log.peers.size(), 3, kind + ": room for one more")


func test_broadcast_reaches_all_and_returns_members_that_did_not_take_it() -> void:
	for kind: String in family.kinds():
		var group := StreamPeerSocketGroupRs.new()
		var links: Array[Link] = []
		for i in 5:
			links.append(link(kind))
			group.add(links[i].served)
		group.add(family.peer(kind))
		group.add(links[0].endpoint.server)
		check_eq(group.broadcast([1, 2]), [], kind + ": every member took it")
		check_eq(group.broadcast([3], [links[1].served, null, 7]), [], kind + ": with exceptions")
		for i in 5:
			var expected := PackedByteArray([1, 2] if i == 1 else [1, 2, 3])
			check_eq(links[i].client.get_data(expected.size()), [OK, expected], kind + ": received")
		# For a member that does not read, blocks are queued whole or not at all, and no call waits.
		var block := PackedByteArray()
		block.resize(1 << 19)
		var left_out := []
		var rounds := 0
		while left_out.is_empty() and rounds < 200:
			rounds += 1
			left_out = group.broadcast(block,
					[links[1].served, links[2].served, links[3].served, links[4].served])
		check_eq(left_out, [links[0].served], kind + ": the member that did not take it")
		check_eq(links[0].served.get_last_error(), ERR_BUSY, kind + ": its error")
		var got := 0
		links[0].served.write_timeout = PATIENCE
		var reader := in_thread(func() -> int:
			return links[0].client.get_data((rounds - 1) * block.size())[1].count(0))
		spin_until(func() -> bool:
			group.poll()
			return not reader.is_alive(), "everything to arrive")
		got = join(reader, "the reader")
		check_eq(got, (rounds - 1) * block.size(), kind + ": the blocks that it took arrive")


func test_puts_and_broadcasts_keep_their_order() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := StreamPeerSocketGroupRs.new()
		group.add(pair.served)
		var expected := PackedByteArray()
		group.peer_data_available.connect(func(peer: StreamPeerSocketRs) -> void:
			peer.receive()
			group.broadcast([1])
			peer.put_data([2])
			group.broadcast([3])
			peer.put_partial_data([4]))
		pair.client.put_u8(0)
		arrived(pair.served, 1)
		group.poll()
		arrived(pair.client, 4)
		expected = pair.client.receive()
		check_eq(expected, PackedByteArray([1, 2, 3, 4]), kind)
		_let_go(group)


func test_handlers_can_poll_remove_members_and_free_the_group() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var held := [StreamPeerSocketGroupRs.new()]
		var reported := []
		# The handler polls, removes the first peer and the server, and drops the group.
		held[0].peer_connected.connect(func(peer: StreamPeerSocketRs) -> void:
			reported.append(peer)
			held[0].poll()
			if reported.size() == 2:
				held[0].remove(reported[0])
				held[0].remove(end.server)
				held.clear())
		held[0].accept_from(end.server)
		var clients := [dial(end), dial(end), dial(end)]
		spin_until(func() -> bool:
			if not held.is_empty():
				held[0].poll()
			return held.is_empty(), "two clients")
		check_eq(reported.size(), 2, kind + ": two were reported")
		for peer: StreamPeerSocketRs in reported:
			check_eq(peer.get_status(), STATUS_CONNECTED, kind + ": they stay connected")
		check_eq(end.server.is_listening(), true, kind + ": and so does the server")
		check_eq(clients.size(), 3, kind)


func test_a_poll_in_a_handler_reports_the_other_members() -> void:
	for kind: String in family.kinds():
		var group := StreamPeerSocketGroupRs.new()
		var pairs: Array[Link] = [link(kind), link(kind)]
		for pair in pairs:
			group.add(pair.served)
		group.poll()
		for pair in pairs:
			pair.client.put_u8(1)
			arrived(pair.served, 1)
		var polled := []
		group.peer_data_available.connect(func(peer: StreamPeerSocketRs) -> void:
			if polled.is_empty():
				peer.receive()
				polled.append([])
				# This poll returns at once, since the other member has data.
				polled[0] = group.poll(int(PATIENCE * 1000)))
		group.poll()
		check_eq(polled, [[pairs[1].served]], kind + ": what a poll in a handler returns")
		_let_go(group)


func test_a_handler_can_disconnect_its_peer() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var group := StreamPeerSocketGroupRs.new()
		var log := Log.new(group)
		group.accept_from(end.server)
		var client := dial(end)
		_until(group, func() -> bool: return group.get_count() == 2)
		settle(client)
		group.peer_data_available.connect(
				func(peer: StreamPeerSocketRs) -> void: peer.disconnect_from_host())
		client.put_u8(65)
		_until(group, func() -> bool: return group.get_count() == 1)
		check_eq(log.take(), [["connected", 0], ["data", 0, "A"], ["disconnected", 0, OK]], kind)


func test_auto_poll_accepts_clients() -> void:
	var end := endpoint(family.kinds()[0])
	var group := StreamPeerSocketGroupRs.new()
	group.accept_from(end.server)
	group.auto_poll = true
	check_eq(group.auto_poll, true, "auto_poll")
	var client := dial(end)
	await until(func() -> bool: return group.get_count() == 2, "the client")
	group.auto_poll = false
	client.poll()


func test_broadcasts_of_several_threads_are_not_mixed() -> void:
	var kind: String = family.kinds()[0]
	var group := StreamPeerSocketGroupRs.new()
	var links: Array[Link] = []
	for i in 3:
		links.append(link(kind))
		group.add(links[i].served)
	var stop := Semaphore.new()
	var poller := in_thread(func() -> void:
		while not stop.try_wait():
			group.poll(-1))
	var senders: Array[Thread] = []
	for number in 2:
		senders.append(in_thread(func() -> void:
			for i in 1000:
				check_eq(group.broadcast([number, i & 0xff]), [], "broadcast")))
	for sender in senders:
		join(sender, "a sender")
	for one in links:
		# The messages of each sender arrive in order, and whole.
		var all: PackedByteArray = one.client.get_data(4000)[1]
		var next := [0, 0]
		for at in range(0, 4000, 2):
			check(all[at + 1] == next[all[at]] & 0xff, "byte %d" % at)
			next[all[at]] += 1
		check_eq(next, [1000, 1000], "all of them")
	stop.post()
	group.wake()
	join(poller, "the poller")


## The chat server of the class documentation, with many clients.
func test_a_chat_server_serves_many_clients() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var group := StreamPeerSocketGroupRs.new()
		var lines := PacketPeerSocketRs.new()
		lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
		group.accept_from(end.server, lines)
		var names := {}
		var on_line := func(peer: PacketPeerSocketRs, line: PackedByteArray) -> void:
			if peer in names:
				group.broadcast(names[peer] + line)
			else:
				names[peer] = line
		group.peer_packet_received.connect(on_line)
		var clients: Array[StreamPeer] = []
		for i in CLIENTS:
			clients.append(dial(end))
			if i % 50 == 49:
				group.poll()
		_until(group, func() -> bool: return group.get_count() == CLIENTS + 1)
		for i in CLIENTS:
			settle(clients[i])
			clients[i].put_data(("%03d\n" % i).to_ascii_buffer())
		_until(group, func() -> bool: return names.size() == CLIENTS)
		# Twenty clients send a line, and every client receives all of them.
		for i in 20:
			clients[i].put_data(("says %03d\n" % i).to_ascii_buffer())
		var size := 20 * 12
		_until(group, func() -> bool:
			return clients.all(func(client: StreamPeer) -> bool:
				return client.get_available_bytes() >= size))
		for client in clients:
			var received: PackedStringArray = client.get_string(size).split("\n", false)
			received.sort()
			check_eq(received.size(), 20, kind + ": lines")
			check_eq([received[0], received[19]], ["000says 000", "019says 019"], kind + ": their senders")
		_let_go(group)


# A handler that captures the group would keep it alive.
func _let_go(group: StreamPeerSocketGroupRs) -> void:
	for signal_name in ["peer_data_available", "peer_packet_received"]:
		for connection: Dictionary in group.get_signal_connection_list(signal_name):
			group.disconnect(signal_name, connection.callable)


func _until(group: StreamPeerSocketGroupRs, condition: Callable) -> void:
	spin_until(func() -> bool:
		group.poll()
		return condition.call(), "the group's work")
