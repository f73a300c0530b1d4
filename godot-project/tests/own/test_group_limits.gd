extends "res://tests/support/test_case.gd"
## Limits that protect a group from single peers: `max_packets_per_poll` and `max_silent_seconds`.
## Also the options of accepted peers, and the list of peers.


func test_a_peer_with_many_packets_takes_only_its_share_of_a_poll() -> void:
	for kind: String in family.kinds():
		var group := StreamPeerSocketGroupRs.new()
		check_eq(group.max_packets_per_poll, 64, "the default")
		var flood := _member(group, kind, 1000)
		var calm := _member(group, kind, 3)
		var seen := _numbers(group)
		check_eq(group.poll(), [flood.packets], kind + ": packets are left")
		check_eq(seen.get(flood.packets), range(64), kind + ": the flood")
		check_eq(seen.get(calm.packets), range(3), kind + ": the other peer")
		group.max_packets_per_poll = 7
		group.poll()
		check_eq(seen[flood.packets], range(71), kind + ": another limit")
		# A poll that could wait returns at once.
		var start := Time.get_ticks_msec()
		check_eq(group.poll(60_000), [flood.packets], kind + ": packets are left")
		check(Time.get_ticks_msec() - start < 30_000, kind + ": it has not waited")
		group.max_packets_per_poll = 0
		_until_complete(group, seen, flood, 1000)


func test_a_lone_packet_peer_is_limited() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var packets := PacketPeerSocketRs.new()
		check_eq(packets.max_packets_per_poll, 256, "the default")
		packets.stream = pair.client
		_send_numbers(pair, 1000)
		var seen := []
		packets.packet_received.connect(func(packet: PackedByteArray) -> void:
			seen.append(packet.get_string_from_ascii().to_int()))
		packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
		packets.poll()
		check_eq(seen, range(256), kind + ": one poll")
		packets.max_packets_per_poll = 3
		packets.poll()
		check_eq(seen, range(259), kind + ": another limit")
		packets.max_packets_per_poll = 0
		spin_until(func() -> bool:
			packets.poll()
			return seen.size() == 1000, kind + ": all")
		check_eq(seen, range(1000), kind + ": in order")


func test_a_lone_packet_peer_with_auto_poll_goes_on_in_the_next_frame() -> void:
	var pair := link("tcp")
	var packets := PacketPeerSocketRs.new()
	packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	packets.stream = pair.client
	packets.max_packets_per_poll = 10
	_send_numbers(pair, 95)
	var frames := {}
	packets.packet_received.connect(func(_packet: PackedByteArray) -> void:
		var frame := Engine.get_process_frames()
		frames[frame] = frames.get(frame, 0) + 1)
	packets.auto_poll = true
	await until(func() -> bool: return _sum(frames) == 95, "all")
	check_eq(frames.values().max(), 10, "the packets of one frame")
	packets.auto_poll = false


func test_handlers_that_poll_stay_within_the_limit() -> void:
	var group := StreamPeerSocketGroupRs.new()
	group.max_packets_per_poll = 8
	var members := [_member(group, "tcp", 500), _member(group, family.local_kind(), 500)]
	var seen := _numbers(group)
	var polls := [0]
	var poll_again := func(_peer: PacketPeerSocketRs, _packet: PackedByteArray) -> void:
		polls[0] += 1
		group.poll()
	group.peer_packet_received.connect(poll_again)
	group.poll()
	check(polls[0] <= 2 * (8 + 16), "%d packets in one poll" % polls[0])
	group.peer_packet_received.disconnect(poll_again)
	for member: Dictionary in members:
		_until_complete(group, seen, member, 500)


func test_a_handler_that_waits_for_a_later_packet_gets_it() -> void:
	var group := StreamPeerSocketGroupRs.new()
	group.max_packets_per_poll = 4
	var member := _member(group, "tcp", 200)
	var seen := _numbers(group)
	var has_waited := [false]
	group.peer_packet_received.connect(func(peer: RefCounted, packet: PackedByteArray) -> void:
		if packet.get_string_from_ascii() != "1" or has_waited[0]:
			return
		has_waited[0] = true
		for _i in 1000:
			group.poll(10)
			if 150 in seen[peer]:
				return
		check(false, "packet 150 does not come"))
	group.poll()
	check(has_waited[0], "the handler was called")
	_until_complete(group, seen, member, 200)
	let_go(group)


# Each handler does one hostile thing for each packet. No packet may be lost or come twice.
func test_no_packet_is_lost_whatever_handlers_do() -> void:
	for kind: String in ["tcp", family.local_kind()]:
		var random := RandomNumberGenerator.new()
		for round_seed in 20:
			random.seed = round_seed
			var group := StreamPeerSocketGroupRs.new()
			group.max_packets_per_poll = random.randi_range(1, 9)
			group.max_silent_seconds = 30.0
			var members: Array = range(3).map(func(_i: int) -> Dictionary:
				return _member(group, kind, 60))
			var seen := _numbers(group)
			var misbehave := func(peer: PacketPeerSocketRs, _packet: PackedByteArray) -> void:
				_misbehave(group, peer, members[random.randi() % 3].packets, random.randi())
			group.peer_packet_received.connect(misbehave)
			for member: Dictionary in members:
				_until_complete(group, seen, member, 60)
			check_eq(group.get_peers().size(), 3, "seed %d: the peers" % round_seed)
			let_go(group)


func test_handlers_may_end_and_forget_everything() -> void:
	for kind: String in ["tcp", family.local_kind()]:
		for what: String in ["remove", "abort", "replace", "forget", "disconnect signal"]:
			var group := StreamPeerSocketGroupRs.new()
			var members := [_member(group, kind, 100), _member(group, kind, 100)]
			var state := {"group": group, "members": members, "count": 0}
			var handler := func(peer: PacketPeerSocketRs, _packet: PackedByteArray) -> void:
				state.count += 1
				_end_with(state, peer, what)
			group.peer_packet_received.connect(handler)
			var weak: WeakRef = weakref(group)
			group = null
			members = []
			weak.get_ref().poll()
			# The call still holds the group, so the share of the other member is delivered.
			var counts := {"disconnect signal": 1, "forget": 1 + 64}
			check_eq(state.count, counts.get(what, 2), "%s: %s" % [kind, what])
			if what == "forget":
				check(weak.get_ref() == null, kind + ": the group is gone")
			state.clear()


func test_a_silent_member_is_disconnected() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var group := StreamPeerSocketGroupRs.new()
		check_eq(group.max_silent_seconds, 0.0, "the default")
		group.max_silent_seconds = 0.4
		check_eq(group.max_silent_seconds, 0.4, "max_silent_seconds")
		group.accept_from(end.server)
		var lost := []
		group.peer_disconnected.connect(func(peer: RefCounted, error: int) -> void:
			lost.append([error, peer.get_last_error(), peer.get_last_error_message()])
			# A handler that does what it should not.
			group.remove(peer)
			group.poll())
		group.peer_data_available.connect(func(peer: StreamPeerSocketRs) -> void: peer.receive())
		var clients := [dial(end), dial(end)]
		spin_until(func() -> bool:
			group.poll()
			return group.get_count() == 3, kind + ": the members")
		for client: StreamPeer in clients:
			settle(client)
		group.broadcast("hello".to_ascii_buffer())
		spin_until(func() -> bool:
			clients[0].put_u8(1)
			group.poll()
			OS.delay_msec(5)
			return not lost.is_empty(), kind + ": the end")
		check_eq([lost.size(), lost[0][0], lost[0][1]], [1, ERR_TIMEOUT, ERR_TIMEOUT], kind)
		check(lost[0][2].match("receive from *: nothing received for 0.* s"), lost[0][2])
		check_eq(group.get_count(), 2, kind + ": the one that sends, and the server")
		check_eq(clients[1].get_data(5), [OK, "hello".to_ascii_buffer()], kind + ": what was put")
		let_go(group)


func test_a_silence_limit_that_is_no_number_of_seconds_is_refused() -> void:
	var group := StreamPeerSocketGroupRs.new()
	group.max_silent_seconds = 2.0
	for seconds: float in [-1.0, NAN]:
		quietly(func() -> void: group.max_silent_seconds = seconds)
		check_eq(group.max_silent_seconds, 2.0, str(seconds))
	group.max_silent_seconds = INF
	check_eq(group.max_silent_seconds, 0.0, "no limit")


func test_accepted_peers_get_the_options_of_a_peer() -> void:
	for kind: String in family.kinds():
		for with_packets: bool in [false, true]:
			var end := endpoint(kind)
			var stream: StreamPeerSocketRs = family.peer(kind)
			stream.write_buffer_limit = 4321
			stream.read_timeout = 1.5
			stream.write_timeout = 2.5
			stream.coalesce_writes = true
			stream.allow_half_open = true
			check_eq(stream.set_send_buffer_size(1 << 16), OK, kind + ": set_send_buffer_size")
			if kind == "tcp":
				stream.set_no_delay(true)
				check_eq(stream.set_keep_alive(true, 30), OK, "set_keep_alive")
			var like: RefCounted = stream
			if with_packets:
				like = PacketPeerSocketRs.new()
				like.stream = stream
				like.framing = PacketPeerSocketRs.FRAMING_DELIMITER
				like.max_packets_per_poll = 5
			var group := StreamPeerSocketGroupRs.new()
			check_eq(group.accept_from(end.server, like), OK, kind + ": accept_from")
			# They are copied by the call.
			stream.write_buffer_limit = 1
			stream.disconnect_from_host()
			var member := _accepted(group, end)
			var peer: StreamPeerSocketRs = member.stream if with_packets else member
			check(peer != stream, kind + ": a peer of its own")
			check_eq([peer.write_buffer_limit, peer.read_timeout, peer.write_timeout,
					peer.coalesce_writes, peer.allow_half_open], [4321, 1.5, 2.5, true, true], kind)
			# The system may use another size, but the same one for every peer.
			var other := link(kind).client
			other.set_send_buffer_size(1 << 16)
			check_eq(peer.get_send_buffer_size(), other.get_send_buffer_size(), kind + ": the buffer")
			if kind == "tcp":
				check(peer.is_no_delay_enabled(), kind + ": no delay")
			if with_packets:
				check_eq([member.framing, member.max_packets_per_poll],
						[PacketPeerSocketRs.FRAMING_DELIMITER, 5], kind + ": the packets")


func test_accepted_peers_have_a_write_buffer_without_options() -> void:
	for like: RefCounted in [null, StreamPeerTCPRs.new(), PacketPeerSocketRs.new()]:
		var end := endpoint("tcp")
		var group := StreamPeerSocketGroupRs.new()
		check_eq(group.accept_from(end.server, like), OK, "accept_from")
		var member := _accepted(group, end)
		var peer: StreamPeerSocketRs = member.stream if member is PacketPeerSocketRs else member
		check_eq(peer.write_buffer_limit, 1 << 20, "the write buffer")


func test_only_peers_can_be_examples_of_accepted_peers() -> void:
	var group := StreamPeerSocketGroupRs.new()
	var server := TCPServerRs.new()
	for like: RefCounted in [StreamPeerTCP.new(), server, group, RefCounted.new()]:
		var code: int = quietly(func() -> int: return group.accept_from(server, like))
		check_eq(code, ERR_INVALID_PARAMETER, like.get_class())
	check_eq(group.get_count(), 0, "nothing was added")


func test_the_peers_are_the_members_without_servers() -> void:
	var end := endpoint("tcp")
	var group := StreamPeerSocketGroupRs.new()
	check_eq(group.get_peers(), [], "no members")
	var first := link(family.local_kind())
	group.add(first.client)
	group.add(end.server)
	var packets := PacketPeerSocketRs.new()
	packets.stream = first.served
	group.add(packets)
	check_eq(group.get_peers(), [first.client, packets], "in order")
	check_eq(group.get_members(), [first.client, end.server, packets], "all members")
	# Handlers may change the group while a script walks the list.
	for peer: RefCounted in group.get_peers():
		group.remove(peer)
	check_eq([group.get_peers(), group.get_members()], [[], [end.server]], "the server is left")


# Adds a packet peer to `group` on which `count` numbers have arrived.
func _member(group: StreamPeerSocketGroupRs, kind: String, count: int) -> Dictionary:
	var pair := link(kind)
	var packets := PacketPeerSocketRs.new()
	packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	packets.stream = pair.client
	check_eq(group.add(packets), OK, "add")
	_send_numbers(pair, count)
	return {"packets": packets, "served": pair.served}


# Sends `count` numbers as lines, and waits until they have arrived.
func _send_numbers(pair: Link, count: int) -> void:
	var text := ""
	for number in count:
		text += "%d\n" % number
	pair.served.write_buffer_limit = 1 << 20
	check_eq(pair.served.put_data(text.to_ascii_buffer()), OK, "put_data")
	spin_until(func() -> bool:
		return pair.client.get_available_bytes() == text.length(), "the numbers")


# The numbers that the packets of each member have had so far.
func _numbers(group: StreamPeerSocketGroupRs) -> Dictionary:
	var seen := {}
	group.peer_packet_received.connect(func(peer: RefCounted, packet: PackedByteArray) -> void:
		(seen.get_or_add(peer, []) as Array).append(packet.get_string_from_ascii().to_int()))
	return seen


func _until_complete(group: StreamPeerSocketGroupRs, seen: Dictionary, member: Dictionary,
		count: int) -> void:
	spin_until(func() -> bool:
		group.poll()
		return seen.get(member.packets, []).size() >= count, "all packets")
	check_eq(seen.get(member.packets), range(count), "each packet once, in order")


func _move(group: StreamPeerSocketGroupRs, peer: PacketPeerSocketRs) -> void:
	check_eq(group.remove(peer), OK, "remove")
	check_eq(group.add(peer), OK, "add")


func _misbehave(group: StreamPeerSocketGroupRs, peer: PacketPeerSocketRs,
		other: PacketPeerSocketRs, number: int) -> void:
	match number % 8:
		0: group.poll()
		1: group.poll(1)
		2: _move(group, peer)
		3: _move(group, other)
		4: group.max_packets_per_poll = number % 10
		5: peer.poll()
		6: group.broadcast("x".to_ascii_buffer())
		7: peer.stream.poll()


func _end_with(state: Dictionary, peer: PacketPeerSocketRs, what: String) -> void:
	match what:
		"remove": state.group.remove(peer)
		"abort": peer.stream.abort()
		"replace": peer.stream = null
		"forget":
			if state.group != null:
				state.group.remove(peer)
			state.members.clear()
			state.group = null
		"disconnect signal":
			for connection: Dictionary in state.group.peer_packet_received.get_connections():
				connection.signal.disconnect(connection.callable)


func _accepted(group: StreamPeerSocketGroupRs, end: Endpoint) -> RefCounted:
	var client := dial(end)
	spin_until(func() -> bool:
		group.poll()
		return group.get_count() == 2, "the client")
	settle(client)
	return group.get_peers()[0]


func _sum(counts: Dictionary) -> int:
	return counts.values().reduce(func(sum: int, count: int) -> int: return sum + count, 0)
