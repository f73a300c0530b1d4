extends "res://tests/support/test_case.gd"
## The signals of peers and servers: when they are emitted, in which order, and what a handler may
## do.

const SignalLog := preload("res://tests/support/signal_log.gd")

# The signals of one connect, by its outcome.
const CONNECTED_WELL := [["status_changed", STATUS_CONNECTING],
		["status_changed", STATUS_CONNECTED], ["connect_finished", OK]]
const REFUSED := [["status_changed", STATUS_CONNECTING], ["status_changed", STATUS_ERROR],
		["connect_finished", ERR_CONNECTION_ERROR]]
const TIMED_OUT := [["status_changed", STATUS_CONNECTING], ["status_changed", STATUS_ERROR],
		["connect_finished", ERR_TIMEOUT]]
const CANCELLED := [["status_changed", STATUS_CONNECTING], ["status_changed", STATUS_NONE],
		["connect_finished", ERR_SKIP]]


func test_signals_are_emitted_by_poll_only() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		var seen := SignalLog.of(peer, SignalLog.PEER_SIGNALS)
		end.connect_peer(peer)
		accept(end).put_u8(1)
		peer.get_status()
		peer.get_available_bytes()
		check_eq(seen.entries, [], kind + ": signals before poll")
		settle(peer)
		peer.disconnect_from_host()
		check_eq(seen.count("disconnected"), 0, kind + ": disconnected before poll")
		peer.poll()
		check_eq(seen.count("disconnected"), 1, kind + ": disconnected after poll")


func test_signals_of_a_connect_that_succeeds() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		var seen := SignalLog.of_peer(peer)
		end.connect_peer(peer)
		settle(peer)
		for i in 5:
			peer.poll()
		check_eq(seen.entries, CONNECTED_WELL, kind + ": signals")


func test_signals_of_a_connect_that_is_refused() -> void:
	var end := endpoint("tcp")
	end.stop()
	var peer: StreamPeer = family.tcp_peer()
	var seen := SignalLog.of_peer(peer)
	for round in 3:
		end.connect_peer(peer)
		reaches(peer, STATUS_ERROR, "the refusal")
		for i in 5:
			peer.poll()
		check_eq(seen.take(), REFUSED, "signals")


func test_signals_of_a_connect_that_times_out() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		var peer: StreamPeer = family.peer(kind)
		peer.connect_timeout = 0.05
		var seen := SignalLog.of_peer(peer)
		end.connect_peer(peer)
		reaches(peer, STATUS_ERROR, kind + ": the timeout")
		for i in 5:
			peer.poll()
		check_eq(seen.entries, TIMED_OUT, kind + ": signals")
		check(not queue.is_empty(), "the backlog was full all the time")


func test_signals_of_a_connect_that_is_cancelled() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		for by_abort in [false, true]:
			var peer: StreamPeer = family.peer(kind)
			var seen := SignalLog.of_peer(peer)
			end.connect_peer(peer)
			peer.poll()
			if by_abort:
				peer.abort()
			else:
				peer.disconnect_from_host()
			for i in 5:
				peer.poll()
			check_eq(seen.entries, CANCELLED, kind + ": signals")
		check(not queue.is_empty(), "the backlog was full all the time")


func test_each_accepted_connect_finishes_once() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		var seen := SignalLog.of_peer(peer)
		var accepted := 0
		for round in 50:
			# A connect is refused while the previous one is in progress or connected.
			accepted += int(quietly(func() -> int: return end.connect_peer(peer)) == OK)
			if round % 3 == 0:
				peer.poll()
			if round % 2 == 0:
				peer.disconnect_from_host()
		peer.disconnect_from_host()
		peer.poll()
		check(accepted >= 25, "%s: %d connects were accepted" % [kind, accepted])
		check_eq(seen.count("connect_finished"), accepted, kind + ": connect_finished")


func test_a_connect_that_fails_in_the_call_has_no_signals() -> void:
	var peer: StreamPeer = family.tcp_peer()
	var seen := SignalLog.of_peer(peer)
	for host: String in ["255.255.255.255", "", "256.1.1.1"]:
		check(quietly(func() -> int: return peer.connect_to_host(host, 80)) != OK,
				"connect to '%s'" % host)
		peer.poll()
	check_eq(quietly(func() -> int: return peer.connect_to_host(LOOPBACK, 0)), ERR_INVALID_PARAMETER,
			"connect to port 0")
	peer.poll()
	check_eq(seen.entries, [], "signals")


func test_signals_report_how_a_connection_ended() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.poll()
		var seen := SignalLog.of_peer(pair.client)
		pair.client.disconnect_from_host()
		pair.client.disconnect_from_host()
		for i in 5:
			pair.client.poll()
		check_eq(seen.entries, [["status_changed", STATUS_NONE], ["disconnected", OK]],
				kind + ": by this side")

		pair = link(kind)
		pair.client.poll()
		seen = SignalLog.of_peer(pair.client)
		pair.served.disconnect_from_host()
		reaches(pair.client, STATUS_NONE, kind + ": the end")
		check_eq(seen.entries, [["status_changed", STATUS_NONE], ["disconnected", ERR_FILE_EOF]],
				kind + ": by the other side")

	if System.is_wine():
		return leave_out(NO_RESETS)
	var pair := link("tcp")
	pair.client.poll()
	var seen := SignalLog.of_peer(pair.client)
	pair.served.abort()
	reaches(pair.client, STATUS_ERROR, "the reset")
	check_eq(seen.entries, [["status_changed", STATUS_ERROR], ["disconnected", ERR_CONNECTION_ERROR]],
			"by a reset")


func test_an_end_found_by_reading_is_signalled_by_the_next_poll() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.poll()
		var seen := SignalLog.of_peer(pair.client)
		pair.served.disconnect_from_host()
		check_eq(pair.client.get_data(1)[0], ERR_FILE_EOF, kind + ": get_data")
		check_eq(seen.entries, [], kind + ": signals before poll")
		pair.client.poll()
		check_eq(seen.entries, [["status_changed", STATUS_NONE], ["disconnected", ERR_FILE_EOF]],
				kind + ": signals")


func test_each_poll_emits_data_available_while_data_is_unread() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.poll()
		var seen := SignalLog.of(pair.client, ["data_available", "disconnected"])
		pair.client.poll()
		check_eq(seen.entries, [], kind + ": without data")
		pair.served.put_u16(1)
		pair.served.disconnect_from_host()
		arrived(pair.client, 2)
		for i in 3:
			pair.client.poll()
			check_eq(seen.take(), [["data_available"]], kind + ": with data")
		pair.client.get_u8()
		pair.client.poll()
		check_eq(seen.take(), [["data_available"]], kind + ": with the rest of it")
		pair.client.get_u8()
		reaches(pair.client, STATUS_NONE, kind + ": the end")
		check_eq(seen.take(), [["disconnected", ERR_FILE_EOF]], kind + ": the end after the data")


func test_a_handler_can_disconnect() -> void:
	for kind: String in family.kinds():
		for name: String in ["status_changed", "connect_finished"]:
			var end := endpoint(kind)
			var peer: StreamPeer = family.peer(kind)
			var weak: WeakRef = weakref(peer)
			var seen := SignalLog.of_peer(peer)
			peer.connect(name, func(_argument: int) -> void: weak.get_ref().disconnect_from_host(),
					CONNECT_ONE_SHOT)
			end.connect_peer(peer)
			spin_until(func() -> bool:
				peer.poll()
				return seen.count("connect_finished") == 1 and peer.get_status() == STATUS_NONE,
						kind + ": the end")
			peer.poll()
			check_eq(seen.count("connect_finished"), 1,
					"%s: connect_finished, disconnected in %s" % [kind, name])
			check_eq(seen.entries.back()[0],
					"disconnected" if seen.count("disconnected") else "connect_finished",
					kind + ": the last signal")


func test_a_handler_can_connect_again() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		var weak: WeakRef = weakref(peer)
		var seen := SignalLog.of_peer(peer)
		var errors := []
		peer.connect("disconnected",
				func(_error: int) -> void: errors.append(end.connect_peer(weak.get_ref())))
		end.connect_peer(peer)
		settle(peer)
		for round in 3:
			accept(end).disconnect_from_host()
			spin_until(func() -> bool:
				peer.poll()
				return errors.size() == round + 1 and peer.get_status() == STATUS_CONNECTED,
						kind + ": connected again")
		spin_until(func() -> bool:
			peer.poll()
			return seen.count("connect_finished") == 4, kind + ": four connects to end")
		check_eq(errors, [OK, OK, OK], kind + ": connect_to_host in the handler")
		check_eq(seen.count("disconnected"), 3, kind + ": disconnected")
		accept(end).put_u8(7)
		check_eq(peer.get_u8(), 7, kind + ": a byte over the last connection")


func test_a_handler_can_poll() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		var weak: WeakRef = weakref(peer)
		var seen := SignalLog.of_peer(peer)
		for name: String in ["status_changed", "connect_finished", "disconnected"]:
			peer.connect(name, func(_argument: int) -> void: weak.get_ref().poll())
		end.connect_peer(peer)
		settle(peer)
		peer.poll()
		accept(end).disconnect_from_host()
		reaches(peer, STATUS_NONE, kind + ": the end")
		check_eq(seen.entries,
				CONNECTED_WELL + [["status_changed", STATUS_NONE], ["disconnected", ERR_FILE_EOF]],
				kind + ": signals")


func test_a_handler_can_disconnect_and_poll() -> void:
	# Signals of a handler's own calls are emitted after those of earlier events.
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var peer: StreamPeer = family.peer(kind)
		var weak: WeakRef = weakref(peer)
		var seen := SignalLog.of_peer(peer)
		peer.connect("status_changed", func(status: int) -> void:
			if status == STATUS_CONNECTED:
				weak.get_ref().disconnect_from_host()
				weak.get_ref().poll())
		end.connect_peer(peer)
		spin_until(func() -> bool:
			peer.poll()
			return seen.count("disconnected") == 1, kind + ": the end")
		check_eq(seen.entries, CONNECTED_WELL + [["status_changed", STATUS_NONE], ["disconnected", OK]],
				kind + ": signals")


func test_a_handler_can_read_all_available_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var weak: WeakRef = weakref(pair.client)
		var got := PackedByteArray()
		var received := [got]
		pair.client.data_available.connect(func() -> void: received[0] += weak.get_ref().receive())
		var sent := PackedByteArray(range(250))
		for i in 10:
			pair.served.put_data(sent.slice(i * 25, i * 25 + 25))
			pair.client.poll()
		pair.served.disconnect_from_host()
		reaches(pair.client, STATUS_NONE, kind + ": the end")
		check_eq(received[0], sent, kind + ": everything")


func test_a_handler_can_drop_the_last_reference() -> void:
	for name: String in ["status_changed", "connect_finished", "data_available", "disconnected"]:
		var pair := link(family.local_kind())
		var kept := [pair.client]
		var weak: WeakRef = weakref(pair.client)
		pair.client = null
		pair.served.put_u8(1)
		var peer: StreamPeerSocketRs = kept[0]
		arrived(peer, 1)
		var calls := [0]
		var drop := func() -> void:
			kept.clear()
			calls[0] += 1
		if name == "disconnected":
			peer.disconnect_from_host()
		peer.connect(name, drop if name == "data_available" else drop.unbind(1))
		if name in ["status_changed", "connect_finished"]:
			peer.disconnect_from_host()
			pair.endpoint.connect_peer(peer)
		# auto_poll calls the object without holding a reference to it.
		peer.auto_poll = true
		peer = null
		await until(func() -> bool: return weak.get_ref() == null, name + ": the peer to be freed")
		check(calls[0] >= 1, name + ": the handler was called")


func test_a_handler_can_poll_and_drop_the_last_reference() -> void:
	# Only a Unix domain socket can connect and receive without a poll, which would already emit the
	# signals.
	if lacks_uds():
		return
	for name: String in ["status_changed", "connect_finished", "data_available", "disconnected"]:
		var pair := link("uds")
		var kept := [pair.client]
		var weak: WeakRef = weakref(pair.client)
		pair.client = null
		var seen := SignalLog.of_peer(kept[0])
		# The events before the first frame: the end of the connection, and another connect.
		kept[0].disconnect_from_host()
		pair.endpoint.connect_peer(kept[0])
		accept(pair.endpoint).put_u8(2)
		arrived(kept[0], 1)
		var drop := func() -> void:
			kept[0].poll()
			kept.clear()
		kept[0].connect(name, drop if name == "data_available" else drop.unbind(1), CONNECT_ONE_SHOT)
		kept[0].auto_poll = true
		await until(func() -> bool: return weak.get_ref() == null, name + ": the peer to be freed")
		# The handler's own poll has emitted the remaining signals in order.
		check_eq(seen.entries, [["status_changed", STATUS_NONE], ["disconnected", OK]] + CONNECTED_WELL,
				name + ": signals")


func test_a_handler_can_drop_the_last_reference_to_a_server() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var client := dial(end)
		var weak: WeakRef = weakref(end.server)
		var calls := [0]
		end.server.connection_available.connect(func() -> void:
			end.server = null
			calls[0] += 1)
		end.server.auto_poll = true
		await until(func() -> bool: return weak.get_ref() == null, kind + ": the server to be freed")
		check_eq(calls[0], 1, kind + ": calls of the handler")
		spin_until(func() -> bool:
			client.poll()
			return client.get_status() != STATUS_CONNECTED, kind + ": the client to notice")


func test_signals_are_emitted_on_the_thread_that_polls() -> void:
	var pair := link(family.local_kind())
	var threads := []
	pair.client.data_available.connect(func() -> void: threads.append(OS.get_thread_caller_id()))
	pair.served.put_u8(1)
	arrived(pair.client, 1)
	var id: Variant = join(in_thread(func() -> int:
		pair.client.poll()
		return OS.get_thread_caller_id()), "the thread")
	check_eq(threads, [id], "the thread of the handler")


func test_a_server_signals_waiting_connections_at_each_poll() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var seen := SignalLog.of(end.server, ["connection_available"])
		check_eq(end.server.poll(), OK, kind + ": poll without a connection")
		check_eq(seen.entries, [], kind + ": without a connection")
		var client := dial(end)
		spin_until(func() -> bool:
			end.server.poll()
			return seen.entries.size() == 1, kind + ": a connection")
		end.server.poll()
		check_eq(seen.entries.size(), 2, kind + ": while it is not taken")
		check(end.server.take_connection() != null, kind + ": it can be taken")
		end.server.poll()
		check_eq(seen.entries.size(), 2, kind + ": after it was taken")
		end.server.stop()
		check_eq(end.server.poll(), OK, kind + ": poll of a server that does not listen")
		settle(client)


func test_a_server_handler_can_take_stop_and_listen() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var taken := []
		var weak: WeakRef = weakref(end.server)
		end.server.connection_available.connect(func() -> void:
			taken.append(weak.get_ref().take_connection())
			weak.get_ref().stop()
			taken.append(end.reopen()))
		var client := dial(end)
		spin_until(func() -> bool:
			end.server.poll()
			return taken.size() == 2, kind + ": the handler")
		check_eq(taken[1], OK, kind + ": listen again")
		settle(client)
		taken[0].put_u8(3)
		check_eq(client.get_u8(), 3, kind + ": a byte")
		# The handler captures `end`, which references the server.
		end.server = null
