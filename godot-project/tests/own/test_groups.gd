extends "res://tests/support/test_case.gd"
## `StreamPeerSocketGroupRs`: which members it reports and how often, what it does for them, and
## waiting in `poll`.

const SignalLog := preload("res://tests/support/signal_log.gd")

## How long a poll may wait for an event that is sure to happen.
const LONG_MSEC := int(PATIENCE * 1000)
const BIG := 8 << 20


class ScriptedPeer extends StreamPeerUDSRs:
	var answer := 42


func test_members_can_be_added_and_removed() -> void:
	var group := StreamPeerSocketGroupRs.new()
	var members := [StreamPeerTCPRs.new(), StreamPeerUDSRs.new(), TCPServerRs.new(), UDSServerRs.new(),
			ScriptedPeer.new()]
	for i in members.size():
		var name: String = members[i].get_class()
		check_eq(group.get_count(), i, name + ": get_count")
		check_eq(group.add(members[i]), OK, name + ": add")
		check_eq(group.add(members[i]), ERR_ALREADY_EXISTS, name + ": add again")
		check_eq(group.get_count(), i + 1, name + ": get_count after add")
	check_eq(group.poll(), [], "no member has an event")
	for member: RefCounted in members:
		var name := member.get_class()
		check_eq(group.remove(member), OK, name + ": remove")
		check_eq(group.remove(member), ERR_DOES_NOT_EXIST, name + ": remove again")
		check_eq(group.add(member), OK, name + ": add after remove")
		check_eq(group.remove(member), OK, name + ": and remove")
	check_eq(group.get_count(), 0, "get_count in the end")
	check_eq(group.poll(), [], "no member is left")


func test_add_refuses_what_is_not_a_socket() -> void:
	var group := StreamPeerSocketGroupRs.new()
	for other: RefCounted in [null, RefCounted.new(), StreamPeerBuffer.new(), StreamPeerTCP.new(),
			TCPServer.new(), group]:
		check_eq(quietly(func() -> int: return group.add(other)), ERR_INVALID_PARAMETER,
				"add of %s" % other)
		check_eq(group.remove(other), ERR_DOES_NOT_EXIST, "remove of %s" % other)
	check_eq(group.get_count(), 0, "get_count")


func test_data_is_reported_until_it_is_read() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := _group([pair.client])
		check_eq(group.poll(), [], kind + ": nothing has arrived")
		pair.served.put_data([1, 2, 3])
		for i in 3:
			check_eq(_reported(group), [pair.client], kind + ": with data")
			check_eq(pair.client.get_u8(), i + 1, kind + ": a byte")
		check_eq(group.poll(), [], kind + ": without data")
		pair.served.put_u8(4)
		check_eq(_reported(group), [pair.client], kind + ": with data again")
		check_eq(group.poll(), [pair.client], kind + ": still unread")
		check_eq(pair.client.receive(), PackedByteArray([4]), kind + ": receive")
		check_eq(group.poll(), [], kind + ": after that")


func test_data_that_arrived_before_add_is_reported() -> void:
	for kind: String in family.kinds():
		for is_buffered in [false, true]:
			var pair := link(kind)
			pair.served.put_data([1, 2])
			if is_buffered:
				check_eq(pair.client.get_u8(), 1, kind + ": the peer has buffered the rest")
			var group := _group([pair.client])
			check_eq(_reported(group), [pair.client], "%s: buffered %s" % [kind, is_buffered])


func test_a_long_stream_arrives_whole() -> void:
	var sent := _block(BIG)
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.write_buffer_limit = BIG
		pair.served.put_data(sent)
		var group := _group([pair.client, pair.served])
		var got := [PackedByteArray()]
		spin_until(func() -> bool:
			for member: StreamPeer in group.poll():
				check(member == pair.client, kind + ": the reported member")
				got[0] += member.receive(100_000)
			return got[0].size() >= BIG, kind + ": everything")
		check(got[0] == sent, kind + ": equals the sent bytes")
		check_eq(group.poll(), [], kind + ": after that")


func test_a_connect_is_reported_once() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		var seen := SignalLog.of_peer(peer)
		var group := _group([peer])
		check_eq(group.poll(), [], kind + ": before the connect")
		check_eq(end.connect_peer(peer), OK, kind + ": connect_to_host")
		check_eq(_reported(group), [peer], kind + ": the connect")
		check_eq(peer.get_status(), STATUS_CONNECTED, kind + ": status")
		check_eq(seen.take(),
				[["status_changed", STATUS_CONNECTING], ["status_changed", STATUS_CONNECTED],
				["connect_finished", OK]], kind + ": signals")
		check_eq(group.poll(), [], kind + ": only once")
		check_eq(group.poll(20), [], kind + ": not in a longer poll either")
		accept(end).put_u8(1)
		check_eq(_reported(group), [peer], kind + ": its data")


func test_a_peer_added_while_connecting_is_reported_when_connected() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		var group := _group([queue.back()])
		check_eq(group.poll(), [], kind + ": not connected yet")
		while end.server.take_connection() != null:
			pass
		# Over TCP the system repeats the attempt after a second.
		check_eq(_reported(group), [queue.back()], kind + ": connected after room was made")
		check_eq(queue.back().get_status(), STATUS_CONNECTED, kind + ": status")


func test_each_refused_connect_is_reported_once() -> void:
	var end := endpoint("tcp")
	end.server.stop()
	var peer: StreamPeer = family.tcp_peer()
	var group := _group([peer])
	for round in 3:
		# From the second round on, the status is STATUS_ERROR before and after.
		check_eq(end.connect_peer(peer), OK, "connect_to_host")
		check_eq(_reported(group), [peer], "the refusal")
		check_eq(peer.get_status(), STATUS_ERROR, "status")
		check_eq(group.poll(), [], "only once")
	peer.disconnect_from_host()
	check_eq(_reported(group), [peer], "the disconnect")


func test_a_connection_that_replaced_another_between_polls_is_reported() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := _group([pair.client])
		check_eq(group.poll(), [], kind + ": connected before")
		pair.client.disconnect_from_host()
		check_eq(pair.endpoint.connect_peer(pair.client), OK, kind + ": connect_to_host")
		spin_until(func() -> bool:
			pair.client.poll()
			return pair.client.get_status() == STATUS_CONNECTED, kind + ": a new connection")
		check_eq(_reported(group), [pair.client], kind + ": another connection")
		check_eq(group.poll(), [], kind + ": only once")


func test_a_connect_timeout_is_reported() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		var peer: StreamPeer = family.peer(kind)
		peer.connect_timeout = 0.05
		var group := _group([peer])
		end.connect_peer(peer)
		var reported: Variant = join(in_thread(func() -> Array: return group.poll(-1)),
				kind + ": the wait")
		check_eq(reported, [peer], kind + ": the member")
		check_eq(peer.get_status(), STATUS_ERROR, kind + ": status")
		check_eq(group.poll(), [], kind + ": only once")
		check(not queue.is_empty(), "the backlog was full all the time")


func test_an_end_is_reported_once() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var seen := SignalLog.of(pair.client, ["disconnected"])
		var group := _group([pair.client, pair.served])
		pair.served.put_u8(7)
		arrived(pair.client, 1)
		pair.served.disconnect_from_host()
		check_eq(group.poll(), [pair.client, pair.served],
				kind + ": one with data, one disconnected")
		check_eq(_reported(group), [pair.client], kind + ": the data before the end")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status with data")
		check_eq(pair.client.get_u8(), 7, kind + ": the data")
		check_eq(_reported(group), [pair.client], kind + ": the end")
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status")
		check_eq(seen.entries, [["disconnected", ERR_FILE_EOF]], kind + ": signals")
		check_eq(group.poll(), [], kind + ": only once")
		check_eq(group.get_count(), 2, kind + ": both are still members")


func test_a_reset_is_reported_once() -> void:
	if not distinguishes_resets():
		return
	var pair := link("tcp")
	var group := _group([pair.client])
	check_eq(group.poll(), [], "connected")
	pair.served.abort()
	check_eq(_reported(group), [pair.client], "the reset")
	check_eq(pair.client.get_status(), STATUS_ERROR, "status")
	check_eq(group.poll(), [], "only once")


func test_an_end_found_by_reading_is_reported() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := _group([pair.client])
		check_eq(group.poll(), [], kind + ": connected")
		pair.served.disconnect_from_host()
		check_eq(pair.client.get_data(1)[0], ERR_FILE_EOF, kind + ": get_data")
		check_eq(_reported(group), [pair.client], kind + ": the end")
		check_eq(group.poll(), [], kind + ": only once")


func test_the_end_of_one_direction_is_reported_once() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.allow_half_open = true
		var group := _group([pair.client])
		check_eq(group.poll(), [], kind + ": connected")
		pair.served.shutdown_write()
		check_eq(_reported(group), [pair.client], kind + ": the end of one direction")
		check(pair.client.is_read_closed(), kind + ": is_read_closed")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")
		check_eq(group.poll(), [], kind + ": only once")
		pair.client.put_u8(1)
		check_eq(pair.served.get_u8(), 1, kind + ": the other direction")
		pair.client.shutdown_write()
		check_eq(_reported(group), [pair.client], kind + ": the end of both")
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status after both")
		check_eq(group.poll(), [], kind + ": only once")


func test_every_connection_of_a_member_is_reported() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		var group := _group([peer])
		for round in 5:
			end.connect_peer(peer)
			check_eq(_reported(group), [peer], kind + ": connected")
			var served := accept(end)
			served.put_u8(round)
			check_eq(_reported(group), [peer], kind + ": data")
			check_eq(peer.get_u8(), round, kind + ": a byte")
			if round % 2 == 0:
				peer.disconnect_from_host()
			else:
				served.disconnect_from_host()
			check_eq(_reported(group), [peer], kind + ": the end")
			check_eq(peer.get_status(), STATUS_NONE, kind + ": status")
			check_eq(group.poll(), [], kind + ": only once")


func test_a_server_is_reported_while_a_client_waits() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var seen := SignalLog.of(end.server, ["connection_available"])
		var group := _group([end.server])
		check_eq(group.poll(), [], kind + ": no client waits")
		var clients := [dial(end), dial(end)]
		for i in 2:
			check_eq(_reported(group), [end.server], kind + ": one waits")
			check_eq(_reported(group), [end.server], kind + ": it still waits")
			check(end.server.take_connection() != null, kind + ": it can be taken")
		check_eq(group.poll(), [], kind + ": both are taken")
		check_eq(seen.entries.size(), 4, kind + ": signals")
		clients.append(dial(end))
		check_eq(_reported(group), [end.server], kind + ": another one")


func test_a_server_can_listen_after_it_was_added_and_again() -> void:
	for kind: String in family.kinds():
		var end := Endpoint.new()
		end.server = family.server(kind)
		var group := _group([end.server])
		check_eq(group.poll(), [], kind + ": it does not listen")
		check_eq(end.open(family, kind, fresh_path() if kind == "uds" else ""), OK, kind + ": listen")
		for round in 3:
			check_eq(group.poll(), [], kind + ": no client waits")
			var client := dial(end)
			check_eq(_reported(group), [end.server], kind + ": one waits")
			end.stop()
			check_eq(group.poll(), [], kind + ": it has stopped")
			check_eq(end.reopen(), OK, kind + ": listen again")
			client.disconnect_from_host()


func test_a_server_and_its_peers_can_share_a_group() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var group := _group([end.server])
		var clients: Array[StreamPeer] = []
		for i in 10:
			clients.append(dial(end))
			settle(clients[i])
			clients[i].put_u32(i)
		var sum := [0]
		spin_until(func() -> bool:
			for member: RefCounted in group.poll(LONG_MSEC):
				if member == end.server:
					while end.server.is_connection_available():
						check_eq(group.add(end.server.take_connection()), OK, kind + ": add")
				elif member.get_available_bytes() >= 4:
					sum[0] += member.get_u32()
				elif member.get_status() != STATUS_CONNECTED:
					group.remove(member)
			if sum[0] == 45:
				for client in clients:
					client.disconnect_from_host()
			return group.get_count() == 1, kind + ": all to connect and leave")
		check_eq(sum[0], 45, kind + ": the sum of their data")


func test_poll_sends_coalesced_and_queued_bytes() -> void:
	for kind: String in family.kinds():
		for limit in [0, 1 << 16]:
			var pair := link(kind)
			pair.client.coalesce_writes = true
			pair.client.write_buffer_limit = limit
			var group := _group([pair.client])
			for round in 3:
				for i in 4:
					pair.client.put_u8(i)
				check_eq(pair.client.get_pending_write_bytes(), 4, kind + ": coalesced")
				check_eq(group.poll(), [], kind + ": nothing to report")
				check_eq(pair.client.get_pending_write_bytes(), 0, kind + ": sent")
				check_eq(pair.served.get_data(4), [OK, PackedByteArray([0, 1, 2, 3])],
						kind + ": the received bytes")


func test_poll_sends_a_queue_larger_than_the_systems_buffer() -> void:
	var sent := _block(BIG)
	for kind: String in family.kinds():
		var pair := link(kind)
		bound_buffers(pair)
		pair.client.write_buffer_limit = BIG
		var seen := SignalLog.of(pair.client, ["drained"])
		var group := _group([pair.client])
		check_eq(pair.client.put_data(sent), OK, kind + ": put_data")
		check(pair.client.get_pending_write_bytes() > 0, kind + ": some of it is queued")
		var got := [PackedByteArray()]
		spin_until(func() -> bool:
			check_eq(group.poll(), [], kind + ": nothing to report")
			got[0] += pair.served.receive()
			return got[0].size() >= BIG, kind + ": everything")
		check(got[0] == sent, kind + ": equals the sent bytes")
		spin_until(func() -> bool:
			group.poll()
			return seen.entries.size() == 1, kind + ": drained")


func test_a_thread_that_waits_in_poll_sends_the_queue() -> void:
	var sent := _block(BIG)
	for kind: String in family.kinds():
		var pair := link(kind)
		bound_buffers(pair)
		pair.served.read_timeout = PATIENCE
		pair.client.write_buffer_limit = BIG
		var group := _group([pair.client])
		var stop := Semaphore.new()
		var thread := in_thread(func() -> void:
			while not stop.try_wait():
				group.poll(-1))
		check_eq(pair.client.put_data(sent), OK, kind + ": put_data")
		var got: Array = pair.served.get_data(BIG)
		check_eq(got[0], OK, kind + ": get_data")
		check(got[1] == sent, kind + ": equals the sent bytes")
		stop.post()
		group.wake()
		join(thread, kind + ": the thread")


func test_data_put_while_connecting_is_sent_after_the_connect() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		peer.write_buffer_limit = 100
		var group := _group([peer])
		end.connect_peer(peer)
		check_eq(peer.put_data([5]), OK, kind + ": put_data")
		check_eq(_reported(group), [peer], kind + ": the connect")
		check_eq(accept(end).get_u8(), 5, kind + ": the received bytes")


func test_poll_waits_up_to_its_time_limit() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := _group([pair.client])
		var start := Time.get_ticks_msec()
		check_eq(group.poll(50), [], kind + ": nothing arrives")
		# The engine rounds its clock down.
		check(Time.get_ticks_msec() - start >= 49, kind + ": it has waited")
		check_eq(group.poll(1), [], kind + ": a short wait")
		pair.served.put_u8(1)
		start = Time.get_ticks_msec()
		check_eq(group.poll(LONG_MSEC), [pair.client], kind + ": data")
		check(Time.get_ticks_msec() - start < LONG_MSEC, kind + ": it has not waited to the end")


func test_poll_waits_without_members() -> void:
	var group := StreamPeerSocketGroupRs.new()
	check_eq(group.poll(), [], "without members")
	check_eq(group.poll(10), [], "for some time")
	var thread := in_thread(func() -> Array: return group.poll(-1))
	group.wake()
	check_eq(join(thread, "the wait"), [], "until it was woken")


func test_wake_ends_a_waiting_poll() -> void:
	var pairs := [link("tcp"), link(family.local_kind())]
	var group := _group([pairs[0].client, pairs[1].client])
	for round in 20:
		var thread := in_thread(func() -> Array: return group.poll(-1))
		if round % 2 == 0:
			OS.delay_usec(500)
		group.wake()
		check_eq(join(thread, "the wait"), [], "woken")


func test_wakes_before_a_poll_count_as_one() -> void:
	var pair := link(family.local_kind())
	var group := _group([pair.client])
	group.wake()
	group.wake()
	var start := Time.get_ticks_msec()
	check_eq(group.poll(LONG_MSEC), [], "woken before")
	check(Time.get_ticks_msec() - start < LONG_MSEC, "it has not waited to the end")
	start = Time.get_ticks_msec()
	check_eq(group.poll(50), [], "the second wake does not count")
	check(Time.get_ticks_msec() - start >= 49, "it has waited")


func test_data_ends_a_waiting_poll() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := _group([pair.client])
		for round in 20:
			var thread := in_thread(func() -> Array: return group.poll(-1))
			if round % 2 == 0:
				OS.delay_usec(500)
			pair.served.put_u8(round)
			check_eq(join(thread, kind + ": the wait"), [pair.client], kind + ": the member")
			check_eq(pair.client.get_u8(), round, kind + ": a byte")


func test_calls_on_members_end_a_waiting_poll() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		var pair := link(kind)
		var group := _group([end.server])
		pair.served.put_u8(1)
		var thread := in_thread(func() -> Array: return group.poll(-1))
		OS.delay_usec(500)
		check_eq(group.add(pair.client), OK, kind + ": add of a peer with data")
		check_eq(join(thread, kind + ": the wait"), [pair.client], kind + ": the added one")
		pair.client.get_u8()

		check_eq(group.add(peer), OK, kind + ": add")
		group.remove(end.server)
		thread = in_thread(func() -> Array: return group.poll(-1))
		OS.delay_usec(500)
		end.connect_peer(peer)
		check_eq(join(thread, kind + ": the wait"), [peer], kind + ": one that has connected")

		thread = in_thread(func() -> Array: return group.poll(-1))
		OS.delay_usec(500)
		peer.disconnect_from_host()
		check_eq(join(thread, kind + ": the wait"), [peer], kind + ": one that was disconnected")

		group.add(end.server)
		check(end.server.take_connection() != null, kind + ": the connection to take")
		thread = in_thread(func() -> Array: return group.poll(-1))
		OS.delay_usec(500)
		end.connect_peer(peer)
		var reported: Array = join(thread, kind + ": the wait")
		check(reported.has(peer) or reported.has(end.server), kind + ": the client or its server")


func test_only_one_thread_polls_at_a_time() -> void:
	var pair := link(family.local_kind())
	var group := _group([pair.client])
	var poll := func() -> Array: return group.poll(-1)
	var threads: Array[Thread] = [in_thread(poll), in_thread(poll)]
	for i in 100:
		check_eq(group.poll(), [], "a poll without a time limit returns at once")
	check(threads.all(func(thread: Thread) -> bool: return thread.is_alive()),
			"both wait, for data or for their turn")
	pair.served.put_u8(1)
	for thread in threads:
		check_eq(join(thread, "a thread"), [pair.client], "each thread reports the unread byte")


func test_a_poll_on_another_thread_does_not_end_a_waiting_poll() -> void:
	var pair := link(family.local_kind())
	var group := _group([pair.client])
	var stop := Semaphore.new()
	var empty := [0]
	var waiting := in_thread(func() -> void:
		while not stop.try_wait():
			if group.poll(-1).is_empty():
				empty[0] += 1)
	for i in 5000:
		group.poll()
		if i % 100 == 0:
			pair.served.put_u8(1)
			pair.client.receive()
	check_eq(empty[0], 0, "polls that came back with nothing")
	stop.post()
	group.wake()
	join(waiting, "the other thread")


func test_data_that_another_thread_leaves_unread_is_reported() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := _group([pair.client])
		for i in 50:
			var reader := in_thread(func() -> Array: return pair.client.get_data(16))
			# The group is polled while the reader takes the data.
			var waiting := in_thread(func() -> Array: return group.poll(LONG_MSEC))
			pair.served.put_data(_block(24))
			check_eq(join(reader, kind + ": the reader")[0], OK, kind + ": get_data")
			check_eq(join(waiting, kind + ": the other thread"), [pair.client],
					kind + ": the rest is reported")
			while pair.client.get_available_bytes() > 0:
				pair.client.receive()
			group.poll()


func test_bytes_coalesced_while_a_thread_waits_are_sent() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.coalesce_writes = true
		pair.served.read_timeout = PATIENCE
		var group := _group([pair.client])
		var stop := Semaphore.new()
		var waiting := in_thread(func() -> void:
			while not stop.try_wait():
				group.poll(-1))
		var block := _block(16000)
		for i in 1000:
			check_eq(pair.client.put_data(block), OK, kind + ": put_data")
			var got: int = pair.served.get_data(block.size())[0]
			if not check_eq(got, OK, kind + ": it arrives"):
				break
		stop.post()
		group.wake()
		join(waiting, kind + ": the other thread")


func test_signals_are_emitted_on_the_thread_that_polls_the_group() -> void:
	var pair := link(family.local_kind())
	var threads := []
	pair.client.data_available.connect(func() -> void: threads.append(OS.get_thread_caller_id()))
	var group := _group([pair.client])
	pair.served.put_u8(1)
	var id: Variant = join(in_thread(func() -> int:
		group.poll(LONG_MSEC)
		return OS.get_thread_caller_id()), "the thread")
	check_eq(threads, [id], "the thread of the handler")


func test_a_handler_can_remove_members() -> void:
	for kind: String in family.kinds():
		for of_itself in [true, false]:
			var pairs: Array[Link] = [link(kind), link(kind)]
			var group := _group([pairs[0].client, pairs[1].client])
			for pair in pairs:
				pair.served.put_u8(1)
				arrived(pair.client, 1)
			var removed: StreamPeer = pairs[0 if of_itself else 1].client
			var kept: StreamPeer = pairs[1 if of_itself else 0].client
			var weak: WeakRef = weakref(group)
			pairs[0].client.data_available.connect(func() -> void: weak.get_ref().remove(removed))
			check_eq(_reported(group), [kept], kind + ": the other member")
			check_eq(group.get_count(), 1, kind + ": get_count")
			check_eq(removed.get_u8(), 1, kind + ": it still has its data")
			pairs[0].client.data_available.get_connections().map(func(to: Dictionary) -> void:
				pairs[0].client.data_available.disconnect(to["callable"]))


func test_a_handler_can_add_members() -> void:
	for kind: String in family.kinds():
		var pairs: Array[Link] = [link(kind), link(kind)]
		var group := _group([pairs[0].client])
		for pair in pairs:
			pair.served.put_u8(1)
			arrived(pair.client, 1)
		var weak: WeakRef = weakref(group)
		var added := pairs[1].client
		pairs[0].client.data_available.connect(func() -> void: weak.get_ref().add(added),
				CONNECT_ONE_SHOT)
		check_eq(_reported(group), [pairs[0].client], kind + ": the first")
		check_eq(group.poll(), [pairs[0].client, added], kind + ": the next poll has both")


func test_a_handler_can_poll_the_group() -> void:
	for kind: String in family.kinds():
		var pairs: Array[Link] = [link(kind), link(kind)]
		var group := _group([pairs[0].client, pairs[1].client])
		var weak: WeakRef = weakref(group)
		var reported := []
		pairs[0].client.data_available.connect(func() -> void:
			reported.append_array(weak.get_ref().poll()), CONNECT_ONE_SHOT)
		for pair in pairs:
			pair.served.put_u8(1)
			arrived(pair.client, 1)
		spin_until(func() -> bool:
			reported.append_array(group.poll())
			return reported.has(pairs[0].client) and reported.has(pairs[1].client), kind + ": both")
		check_eq(group.poll(), [pairs[0].client, pairs[1].client],
				kind + ": both, as long as they have data")


func test_a_handler_can_drop_the_group() -> void:
	for kind: String in family.kinds():
		var pairs: Array[Link] = [link(kind), link(kind)]
		var kept := [_group([pairs[0].client, pairs[1].client])]
		var weak: WeakRef = weakref(kept[0])
		for pair in pairs:
			pair.served.put_u8(1)
			arrived(pair.client, 1)
		pairs[0].client.data_available.connect(func() -> void: kept.clear(), CONNECT_ONE_SHOT)
		check_eq(kept[0].poll(), [pairs[0].client, pairs[1].client], kind + ": the poll completes")
		check_null(weak.get_ref(), kind + ": the group is freed")
		check_eq(pairs[0].client.get_u8(), 1, kind + ": a byte")


func test_a_handler_can_drop_its_member() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var kept := [pair.client]
		var group := _group([pair.client])
		var weak: WeakRef = weakref(pair.client)
		var weak_group: WeakRef = weakref(group)
		pair.client.data_available.connect(func() -> void:
			weak_group.get_ref().remove(weak.get_ref())
			kept.clear())
		pair.client = null
		pair.served.put_u8(1)
		spin_until(func() -> bool: return group.poll().is_empty() and kept.is_empty(),
				kind + ": the handler")
		check_null(weak.get_ref(), kind + ": the peer is freed")
		reaches(pair.served, STATUS_NONE, kind + ": the other side to notice")


func test_a_group_keeps_its_members_alive() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := _group([pair.client])
		var weak: WeakRef = weakref(pair.client)
		pair.client = null
		check(weak.get_ref() != null, kind + ": the group keeps it alive")
		pair.served.put_u8(3)
		check_eq(_reported(group)[0].get_u8(), 3, kind + ": it is connected")
		group.remove(weak.get_ref())
		check_null(weak.get_ref(), kind + ": it is freed after remove")
		reaches(pair.served, STATUS_NONE, kind + ": the other side to notice")

		pair = link(kind)
		group.add(pair.client)
		weak = weakref(pair.client)
		pair.client = null
		group = null
		check_null(weak.get_ref(), kind + ": it is freed with the group")


func test_peers_outlive_their_group() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := _group([pair.client, pair.served, pair.endpoint.server])
		check_eq(group.poll(), [], kind + ": nothing to report")
		group = null
		for round in 3:
			pair.client.put_u8(round)
			arrived(pair.served, 1)
			check_eq(pair.served.get_u8(), round, kind + ": a byte")
		var another := _group([pair.client])
		pair.served.put_u8(9)
		check_eq(_reported(another), [pair.client], kind + ": in another group")
		pair.served.disconnect_from_host()
		check_eq(pair.client.get_u8(), 9, kind + ": a byte")
		reaches(pair.client, STATUS_NONE, kind + ": the end")
		var client := dial(pair.endpoint)
		check(accept(pair.endpoint) != null, kind + ": the server accepts another client")
		check(client != null, kind + ": the client lives until here")


func test_a_removed_member_is_not_reported() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var group := _group([pair.client, pair.endpoint.server])
		pair.served.put_u8(1)
		check_eq(_reported(group), [pair.client], kind + ": data")
		var client := dial(pair.endpoint)
		group.remove(pair.client)
		group.remove(pair.endpoint.server)
		check_eq(group.poll(), [], kind + ": removed")
		check_eq(group.poll(20), [], kind + ": not in a longer poll either")
		check_eq(pair.client.get_u8(), 1, kind + ": it still has its data")
		group.add(pair.endpoint.server)
		group.add(pair.client)
		pair.served.put_u8(2)
		spin_until(func() -> bool: return group.poll() == [pair.endpoint.server, pair.client],
				kind + ": added again")
		check(client != null, kind + ": the client lives until here")


func test_each_of_two_groups_reports_its_member() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		var groups := [_group([peer]), _group([peer, end.server])]
		end.connect_peer(peer)
		check_eq(_reported(groups[0]), [peer], kind + ": the connect in the first")
		spin_until(func() -> bool: return groups[1].poll().has(end.server), kind + ": the server")
		var served := accept(end)
		check_eq(groups[1].poll(), [], kind + ": the connect was reported before")
		served.put_u8(1)
		for group: StreamPeerSocketGroupRs in groups:
			check_eq(_reported(group), [peer], kind + ": data")
		peer.get_u8()
		for group: StreamPeerSocketGroupRs in groups:
			check_eq(group.poll(), [], kind + ": no data")
		groups[0].remove(peer)
		served.disconnect_from_host()
		check_eq(groups[0].poll(), [], kind + ": removed from the first")
		check_eq(_reported(groups[1]), [peer], kind + ": the end in the second")


func test_poll_returns_only_the_busy_members_in_the_order_of_adding() -> void:
	var ends := [endpoint("tcp"), endpoint(family.local_kind())]
	var group := StreamPeerSocketGroupRs.new()
	var links: Array[Link] = []
	for i in 300:
		var pair := Link.new()
		pair.client = dial(ends[i % 2])
		pair.served = accept(ends[i % 2])
		settle(pair.client)
		links.append(pair)
		group.add(pair.client)
	check_eq(group.get_count(), 300, "get_count")
	check_eq(group.poll(), [], "no member has an event")
	for round in 3:
		var busy := [links[round].client, links[100 + round].client, links[299 - round].client]
		for i: int in [299 - round, round, 100 + round]:
			links[i].served.put_u8(i % 256)
			arrived(links[i].client, 1)
		check_eq(group.poll(), busy, "the busy members, in the order in which they were added")
		for peer: StreamPeer in busy:
			peer.get_u8()
		check_eq(group.poll(), [], "no member again")
	for pair in links:
		pair.served.put_u8(1)
		arrived(pair.client, 1)
	check_eq(group.poll().size(), 300, "every member")


func test_threads_can_change_a_group_while_another_waits() -> void:
	# Threads add, remove, wake, write and count while another one waits.
	var end := endpoint(family.local_kind())
	var group := _group([end.server])
	var stop := Semaphore.new()
	var sum := [0]
	var waiting := in_thread(func() -> void:
		while not stop.try_wait():
			for member: RefCounted in group.poll(-1):
				if member == end.server:
					while end.server.is_connection_available():
						group.add(end.server.take_connection())
				elif member.get_available_bytes() > 0:
					for byte in member.receive():
						sum[0] += byte
				elif member.get_status() != STATUS_CONNECTED:
					group.remove(member))
	var talk := func() -> void:
		for round in 20:
			var peer: StreamPeer = family.peer(end.kind)
			end.connect_peer(peer)
			settle(peer)
			peer.put_u8(1)
			group.add(peer)
			peer.put_u8(2)
			group.wake()
			group.remove(peer)
			group.get_count()
			peer.disconnect_from_host()
	var talkers := [in_thread(talk), in_thread(talk), in_thread(talk)]
	for thread: Thread in talkers:
		join(thread, "a client")
	spin_until(func() -> bool: return sum[0] == 20 * 3 * 3 and group.get_count() == 1,
			"all to be served")
	stop.post()
	group.wake()
	join(waiting, "the server")
	check_eq(sum[0], 20 * 3 * 3, "the sum of their data")


func _group(members: Array) -> StreamPeerSocketGroupRs:
	var group := StreamPeerSocketGroupRs.new()
	for member: RefCounted in members:
		check_eq(group.add(member), OK, "add")
	return group


# The members that the group reports. Waits until there are some.
func _reported(group: StreamPeerSocketGroupRs) -> Array:
	return group.poll(LONG_MSEC)


func _block(size: int) -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(size)
	for i in range(0, size, 997):
		bytes[i] = i % 256
	return bytes
