extends "res://tests/support/test_case.gd"
## `SocketRelayRs` and `SocketConditionsRs`: the simulated bad network between peers and servers,
## ours and the engine's.

const SignalLog := preload("res://tests/support/signal_log.gd")


## A relay in front of a server, a client of the relay, and the server's end of the link.
class Relayed extends Link:
	var relay := SocketRelayRs.new()
	## The arguments of `link_opened` and `link_closed`: the link's number, and the error of a
	## closed link.
	var events := []

	func _init() -> void:
		# The handlers must not capture this object, which references the relay.
		var entries := events
		relay.link_opened.connect(func(number: int) -> void: entries.append([number]))
		relay.link_closed.connect(
				func(number: int, error: Error) -> void: entries.append([number, error]))

	func poll() -> void:
		relay.poll()
		client.poll()
		if served != null:
			served.poll()


func test_a_new_relay_has_its_documented_defaults() -> void:
	var relay := SocketRelayRs.new()
	check_eq(relay.is_listening(), false, "is_listening")
	check_eq(relay.get_local_port(), 0, "get_local_port")
	check_eq(relay.get_listen_path(), "", "get_listen_path")
	check_eq([relay.auto_poll, relay.seed], [false, 0], "auto_poll, seed")
	check_eq([relay.get_link_count(), relay.get_bytes_under_way()], [0, 0], "links")
	check_eq([relay.get_bytes_to_target(), relay.get_bytes_to_client()], [0, 0], "bytes")
	check_eq(relay.poll(), OK, "poll")
	check(relay.to_target != null and relay.to_client != null, "both directions have conditions")
	check(relay.to_target != relay.to_client, "each direction has its own")
	check_eq(relay.get_last_error(), OK, "get_last_error")
	var conditions := SocketConditionsRs.new()
	check_eq([conditions.delay, conditions.jitter], [0.0, 0.0], "times")
	check_eq([conditions.bandwidth, conditions.max_piece_bytes], [0, 0], "no limits")
	check_eq([conditions.close_after_bytes, conditions.abort_after_bytes], [-1, -1], "no cuts")
	check_eq(conditions.stalled, false, "stalled")


func test_bytes_pass_between_all_classes() -> void:
	var families: Array[RefCounted] = [Family.ours(), Family.engine()]
	var there := _pattern(300_000)
	var back := _pattern(200_000)
	back.reverse()
	for of_client in families:
		for of_server in families:
			for kind: String in _kinds_of(of_client, of_server):
				var made := _relayed(kind, of_client, of_server)
				var what := "%s, client %s, server %s" % [kind, of_client.name, of_server.name]
				made.relay.to_client.max_piece_bytes = 10_000
				var got := [PackedByteArray(), PackedByteArray()]
				var sent := [0, 0]
				spin_until(func() -> bool:
					made.poll()
					sent[0] += _put(made.client, there, sent[0])
					sent[1] += _put(made.served, back, sent[1])
					got[0].append_array(_take(made.served))
					got[1].append_array(_take(made.client))
					return got[0].size() >= there.size() and got[1].size() >= back.size(), what + ": all bytes")
				check(got[0] == there, what + ": to the server")
				check(got[1] == back, what + ": to the client")
				check_eq(made.relay.get_bytes_to_target(), there.size(), what + ": get_bytes_to_target")
				check_eq(made.relay.get_bytes_to_client(), back.size(), what + ": get_bytes_to_client")


func test_a_close_arrives_after_the_bytes_before_it() -> void:
	for kind: String in family.kinds():
		for of_client: bool in [true, false]:
			var made := _relayed(kind)
			var ends: Array[StreamPeer] = [made.client, made.served]
			if not of_client:
				ends.reverse()
			made.relay.to_target.delay = 0.02
			made.relay.to_client.delay = 0.02
			ends[0].put_data("last words".to_ascii_buffer())
			ends[0].disconnect_from_host()
			spin_until(func() -> bool:
				made.relay.poll()
				return ends[1].get_available_bytes() == 10, kind + ": the bytes")
			check_eq(ends[1].receive().get_string_from_ascii(), "last words", kind + ": the bytes")
			_is_over(made, ends[1], kind)
			_closes(made, kind)
			check_eq(made.events, [[1], [1, OK]], kind + ": the signals")


func test_a_half_close_leaves_the_other_direction_open() -> void:
	for kind: String in family.kinds():
		var made := _relayed(kind)
		made.client.allow_half_open = true
		made.served.allow_half_open = true
		made.client.put_data([1, 2, 3])
		made.client.shutdown_write()
		_arrives(made, made.served, 3)
		check_eq(made.served.receive(), PackedByteArray([1, 2, 3]), kind + ": the bytes")
		spin_until(func() -> bool:
			made.poll()
			return made.served.is_read_closed(), kind + ": the end")
		made.served.put_data([4, 5])
		spin_until(func() -> bool:
			made.poll()
			return made.client.get_available_bytes() == 2, kind + ": the answer")
		check_eq(made.relay.get_link_count(), 1, kind + ": the link stays open")
		made.served.shutdown_write()
		_closes(made, kind)
		check_eq(made.events.back(), [1, OK], kind + ": the signal")


func test_a_reset_is_passed_on() -> void:
	if not distinguishes_resets():
		return
	for of_client: bool in [true, false]:
		var made := _relayed("tcp")
		var ends: Array[StreamPeer] = [made.client, made.served]
		if not of_client:
			ends.reverse()
		var seen := SignalLog.of(ends[1], ["disconnected"])
		ends[0].abort()
		_is_over(made, ends[1], "a reset")
		check_eq(seen.entries, [["disconnected", ERR_CONNECTION_ERROR]], "the other end")
		_closes(made, "a reset")
		check_eq(made.events.back(), [1, ERR_CONNECTION_ERROR], "link_closed")


func test_bytes_arrive_no_earlier_than_the_delay() -> void:
	var made := _relayed(family.local_kind())
	made.relay.to_target.delay = 0.05
	made.relay.to_client.delay = 0.03
	var begin := Time.get_ticks_usec()
	made.client.put_u8(1)
	_arrives(made, made.served, 1)
	check(Time.get_ticks_usec() - begin >= 50_000, "to the target")
	begin = Time.get_ticks_usec()
	made.served.put_u8(1)
	_arrives(made, made.client, 1)
	check(Time.get_ticks_usec() - begin >= 30_000, "to the client")


func test_jitter_keeps_the_order_of_bytes() -> void:
	var made := _relayed(family.local_kind())
	made.relay.to_target.jitter = 0.02
	var sent := [0]
	var got := PackedByteArray()
	spin_until(func() -> bool:
		if sent[0] < 200:
			made.client.put_u8(sent[0])
			sent[0] += 1
		made.poll()
		got.append_array(made.served.receive())
		return got.size() == 200, "200 bytes")
	check_eq(Array(got), range(200), "their order")


func test_bandwidth_is_not_exceeded() -> void:
	var made := _relayed(family.local_kind())
	made.relay.to_target.bandwidth = 50_000
	var begin := Time.get_ticks_usec()
	made.client.put_data(_pattern(5001))
	var got := PackedByteArray()
	spin_until(func() -> bool:
		made.relay.poll()
		got.append_array(made.served.receive())
		return got.size() == 5001, "5001 bytes")
	check(Time.get_ticks_usec() - begin >= 100_000, "5000 bytes at 50,000 bytes per second")
	check(got == _pattern(5001), "the bytes")


func test_a_stalled_direction_continues_after_the_stall() -> void:
	for kind: String in family.kinds():
		var made := _relayed(kind)
		made.relay.to_client.stalled = true
		made.served.put_data([1, 2, 3])
		made.served.disconnect_from_host()
		spin_until(func() -> bool:
			made.relay.poll()
			return made.relay.get_bytes_under_way() == 3, kind + ": the bytes are under way")
		for i in 50:
			made.poll()
		check_eq(made.client.get_available_bytes(), 0, kind + ": nothing has arrived")
		check_eq(made.client.get_status(), STATUS_CONNECTED, kind + ": no end has arrived")
		made.relay.to_client.stalled = false
		_arrives(made, made.client, 3)
		check_eq(made.client.receive(), PackedByteArray([1, 2, 3]), kind + ": the bytes")
		_is_over(made, made.client, kind)


func test_max_piece_bytes_of_1_delivers_single_bytes() -> void:
	var made := _relayed(family.local_kind())
	made.relay.to_target.max_piece_bytes = 1
	made.client.put_data("one by one".to_ascii_buffer())
	var got := ""
	while got.length() < 10:
		var before := made.relay.get_bytes_to_target()
		spin_until(func() -> bool:
			made.relay.poll()
			return made.relay.get_bytes_to_target() > before, "the next byte")
		check_eq(made.relay.get_bytes_to_target(), before + 1, "one byte")
		arrived(made.served, 1)
		var piece: PackedByteArray = made.served.receive()
		check_eq(piece.size(), 1, "bytes in one receive")
		got += piece.get_string_from_ascii()
	check_eq(got, "one by one", "all bytes")


func test_the_same_seed_gives_the_same_pieces() -> void:
	var some := _pieces(5)
	check_eq(_pieces(5), some, "the same seed")
	check(_pieces(6) != some, "another seed")
	check(some.size() > 30, "%d pieces" % some.size())


func _pieces(of_seed: int) -> Array:
	var made := Relayed.new()
	made.relay.seed = of_seed
	_open(made, family.local_kind())
	check_eq(made.relay.seed, of_seed, "seed")
	made.relay.to_target.stalled = true
	made.client.put_data(_pattern(500))
	spin_until(func() -> bool:
		made.relay.poll()
		return made.relay.get_bytes_under_way() == 500, "all bytes are under way")
	made.relay.to_target.max_piece_bytes = 20
	made.relay.to_target.stalled = false
	var ends := []
	while ends.is_empty() or ends.back() < 500 and ends.size() < 1000:
		made.relay.poll()
		ends.append(made.relay.get_bytes_to_target())
	return ends


func test_close_after_bytes_closes_after_exactly_that_many_bytes() -> void:
	for kind: String in family.kinds():
		var made := _relayed(kind)
		made.relay.to_client.close_after_bytes = 1000
		made.served.put_data(_pattern(3000))
		_arrives(made, made.client, 1000)
		spin_until(func() -> bool:
			made.relay.poll()
			return made.relay.get_link_count() == 0, kind + ": the cut")
		check_eq(made.client.receive(), _pattern(1000), kind + ": the bytes before it")
		_is_over(made, made.client, kind)
		check_eq(made.events, [[1], [1, ERR_SKIP]], kind + ": the signals")


func test_abort_after_bytes_aborts_after_that_many_bytes() -> void:
	for kind: String in family.kinds():
		var made := _relayed(kind)
		made.relay.to_target.abort_after_bytes = 10
		made.client.put_data(_pattern(9))
		_arrives(made, made.served, 9)
		check_eq(made.relay.get_link_count(), 1, kind + ": the link with one byte left")
		made.client.put_u8(1)
		_closes(made, kind)
		check_eq(made.events.back(), [1, ERR_SKIP], kind + ": the signal")
		check_eq(made.relay.get_bytes_to_target(), 10, kind + ": the bytes")
		_is_over(made, made.client, kind)
		_is_over(made, made.served, kind)


func test_close_all_and_abort_all_end_every_link() -> void:
	for kind: String in family.kinds():
		for aborts: bool in [true, false]:
			var made := _relayed(kind)
			check_eq(made.relay.get_link_count(), 1, kind + ": get_link_count")
			if aborts:
				made.relay.abort_all()
			else:
				made.relay.close_all()
			check_eq(made.relay.get_link_count(), 0, kind + ": get_link_count after that")
			check_eq(made.events, [[1]], kind + ": no signal before the next poll")
			_is_over(made, made.client, kind)
			_is_over(made, made.served, kind)
			check_eq(made.events, [[1], [1, ERR_SKIP]], kind + ": the signals")


func test_a_refused_target_closes_the_link_with_its_error() -> void:
	for kind: String in family.kinds():
		var made := Relayed.new()
		made.endpoint = endpoint(kind)
		made.endpoint.server.stop()
		_listen(made, kind)
		made.client = family.peer(kind)
		check_eq(_connect(made, made.client), OK, kind + ": connect_to_host")
		settle(made.client)
		_is_over(made, made.client, kind)
		var code: Error = made.events.back()[1]
		check(code != OK and code != ERR_SKIP, "%s: link_closed reports %s" % [kind, error_string(code)])
		check_eq(made.relay.get_last_error(), code, kind + ": get_last_error")
		check(made.relay.get_last_error_message().begins_with("connect "),
				made.relay.get_last_error_message())
		if not OS.has_feature("windows"):
			check(made.relay.get_last_os_error() > 0, kind + ": get_last_os_error")


func test_without_a_target_links_are_closed() -> void:
	var relay := SocketRelayRs.new()
	var errors := []
	relay.link_closed.connect(func(_link: int, error: Error) -> void: errors.append(error))
	check_eq(relay.listen(0, LOOPBACK), OK, "listen")
	var client := StreamPeerTCPRs.new()
	client.connect_to_host(LOOPBACK, relay.get_local_port())
	settle(client)
	spin_until(func() -> bool:
		relay.poll()
		return not errors.is_empty(), "the end of the link")
	check_eq(errors, [ERR_UNCONFIGURED], "link_closed")
	reaches_none(client)


func test_a_target_can_be_a_host_name() -> void:
	var made := Relayed.new()
	made.endpoint = endpoint("tcp")
	check_eq(made.relay.set_target_host("localhost", made.endpoint.port), OK, "set_target_host")
	check_eq(made.relay.listen(0, LOOPBACK), OK, "listen")
	made.client = family.peer("tcp")
	_connect(made, made.client)
	_accept(made)
	made.client.put_u8(7)
	_arrives(made, made.served, 1)


func test_a_relay_listens_on_a_port_or_a_path() -> void:
	var relay := SocketRelayRs.new()
	check_eq(relay.listen(0, LOOPBACK), OK, "listen")
	check(relay.is_listening() and relay.get_local_port() > 0, "it listens")
	check_eq(quietly(func() -> Error: return relay.listen(0)), ERR_ALREADY_IN_USE, "listen again")
	check_eq(relay.get_last_error(), ERR_ALREADY_IN_USE, "get_last_error")
	relay.stop()
	check_eq([relay.is_listening(), relay.get_local_port()], [false, 0], "after stop")
	var server := TCPServerRs.new()
	server.listen(0, LOOPBACK)
	check_eq(relay.listen(server.get_local_port(), LOOPBACK), ERR_ALREADY_IN_USE,
			"a port in use")
	check(not relay.is_listening(), "not listening after a failure")
	if lacks_uds():
		skip_reason = ""
		leave_out("this system has no Unix domain sockets")
		return
	var path := fresh_path()
	check_eq(relay.listen_at_path(path), OK, "listen_at_path")
	check_eq(relay.get_listen_path(), path, "get_listen_path")
	check(is_socket(path), "the socket file exists")
	relay.stop()
	check(not exists(path), "the socket file after stop")


func test_links_stay_open_after_stop() -> void:
	var made := _relayed(family.local_kind())
	made.relay.stop()
	made.client.put_u8(1)
	_arrives(made, made.served, 1)
	check_eq(made.relay.get_link_count(), 1, "the link stays open")


func test_invalid_values_are_refused_and_change_nothing() -> void:
	var conditions := SocketConditionsRs.new()
	conditions.delay = 0.5
	conditions.jitter = 0.25
	conditions.bandwidth = 1000
	conditions.max_piece_bytes = 3
	conditions.close_after_bytes = 4
	conditions.abort_after_bytes = 0
	var before := _values(conditions)
	check_eq(before, [0.5, 0.25, 1000, 3, 4, 0], "the values before")
	for bad: Array in [
		["delay", -0.1], ["delay", NAN], ["delay", INF], ["delay", 1e300],
		["jitter", -1.0], ["jitter", NAN], ["jitter", INF],
		["bandwidth", -1], ["max_piece_bytes", -1],
		["close_after_bytes", -2], ["abort_after_bytes", -2],
	]:
		quietly(func() -> void: conditions.set(bad[0], bad[1]))
		check_eq(_values(conditions), before, "%s = %s" % bad)
	var relay := SocketRelayRs.new()
	var kept := relay.to_client
	quietly(func() -> void: relay.to_client = null)
	check_eq(relay.to_client, kept, "to_client = null")
	check_eq(relay.get_last_error(), ERR_INVALID_PARAMETER, "to_client = null: get_last_error")
	quietly(func() -> void: relay.to_target = null)
	check(relay.to_target != null, "to_target = null")
	for bad: Callable in [
		relay.listen.bind(-1), relay.listen.bind(65_536), relay.listen.bind(0, "no address"),
		relay.listen_at_path.bind(""), relay.set_target_path.bind(""),
		relay.set_target_host.bind(LOOPBACK, 0), relay.set_target_host.bind(LOOPBACK, 65_536),
		relay.set_target_host.bind(LOOPBACK, -1), relay.set_target_host.bind("", 80),
		relay.set_target_host.bind("256.1.1.1", 80), relay.set_target_host.bind("no host", 80),
	]:
		var what := "%s%s" % [bad.get_method(), bad.get_bound_arguments()]
		check_eq(quietly(bad), ERR_INVALID_PARAMETER, what)
		check(not relay.get_last_error_message().is_empty(), what + ": the message")
		check(not relay.is_listening(), what + ": it does not listen")
	check_eq(relay.set_target_host(LOOPBACK, 80), OK, "a valid target")
	check_eq(relay.get_last_error(), OK, "get_last_error after that")


func _values(of: SocketConditionsRs) -> Array:
	return [of.delay, of.jitter, of.bandwidth, of.max_piece_bytes, of.close_after_bytes,
			of.abort_after_bytes]


func test_relays_and_directions_can_share_conditions() -> void:
	var shared := SocketConditionsRs.new()
	var made := [_relayed(family.local_kind()), _relayed(family.local_kind())]
	for one: Relayed in made:
		one.relay.to_target = shared
		one.relay.to_client = shared
		check_eq(one.relay.to_client, shared, "to_client")
	shared.stalled = true
	for one: Relayed in made:
		one.client.put_u8(1)
		one.served.put_u8(2)
		spin_until(func() -> bool:
			one.relay.poll()
			return one.relay.get_bytes_under_way() == 2, "both bytes are under way")
	shared.stalled = false
	for one: Relayed in made:
		_arrives(one, one.served, 1)
		_arrives(one, one.client, 1)


func test_conditions_can_be_saved_loaded_and_duplicated() -> void:
	var conditions := SocketConditionsRs.new()
	conditions.delay = 0.5
	conditions.bandwidth = 1 << 40
	conditions.stalled = true
	var path := fresh_path("train.tres")
	check_eq(ResourceSaver.save(conditions, path), OK, "save")
	var loaded: SocketConditionsRs = ResourceLoader.load(path)
	check_eq(_values(loaded), _values(conditions), "the loaded values")
	check_eq(loaded.stalled, true, "stalled")
	var copy: SocketConditionsRs = conditions.duplicate()
	check_eq(_values(copy), _values(conditions), "a duplicate")
	copy.delay = 0.0
	check_eq(conditions.delay, 0.5, "the original is unchanged")


func test_auto_poll_passes_bytes_on() -> void:
	var made := _relayed(family.local_kind())
	made.relay.auto_poll = true
	check_eq(made.relay.auto_poll, true, "auto_poll")
	made.client.put_u8(9)
	await until(func() -> bool: return made.served.get_available_bytes() == 1, "a byte")
	made.relay.auto_poll = false
	made.client.put_u8(9)
	for i in 5:
		await (Engine.get_main_loop() as SceneTree).process_frame
	check_eq(made.relay.get_bytes_to_target(), 1, "without auto_poll")


func test_freeing_a_relay_ends_its_links() -> void:
	var tree := Engine.get_main_loop() as SceneTree
	for kind: String in family.kinds():
		var made := _relayed(kind)
		made.relay.auto_poll = true
		made.client.put_data(_pattern(100_000))
		made.relay.to_target.bandwidth = 1000
		await tree.process_frame
		var weak: WeakRef = weakref(made.relay)
		made.relay = null
		check_null(weak.get_ref(), kind + ": the relay")
		for i in 2:
			await tree.process_frame
		reaches_none(made.client)
		made.served.receive()
		reaches_none(made.served)


func test_a_relay_can_be_freed_in_its_signals() -> void:
	for kind: String in family.kinds():
		for name: String in ["link_opened", "link_closed"]:
			var end := endpoint(kind)
			var holder := [SocketRelayRs.new()]
			var weak: WeakRef = weakref(holder[0])
			var made := Relayed.new()
			made.endpoint = end
			made.relay = holder[0]
			_listen(made, kind)
			made.client = family.peer(kind)
			_connect(made, made.client)
			settle(made.client)
			made.relay = null
			var calls := []
			holder[0].link_opened.connect(func(_link: int) -> void:
				calls.append("link_opened")
				if name == "link_opened":
					holder.clear())
			holder[0].link_closed.connect(func(_link: int, _error: Error) -> void:
				calls.append("link_closed")
				holder.clear())
			spin_until(func() -> bool:
				if not holder.is_empty():
					holder[0].poll()
				if name == "link_closed" and not calls.is_empty() and not holder.is_empty():
					holder[0].abort_all()
				return holder.is_empty(), kind + ": " + name)
			check_eq(calls.back(), name, kind + ": the last signal")
			check_null(weak.get_ref(), kind + ": the relay")
			reaches_none(made.client)


func test_handlers_can_poll_stop_and_reconfigure() -> void:
	var made := _relayed(family.local_kind())
	var calls := []
	var handler := func(_link: int, _error: Error) -> void:
		calls.append(1)
		made.relay.poll()
		made.relay.stop()
		made.relay.abort_all()
		made.relay.to_target.delay = 1.0
		made.relay.to_client = SocketConditionsRs.new()
		made.relay.seed = 3
		made.relay.auto_poll = false
	made.relay.link_closed.connect(handler)
	made.relay.close_all()
	made.relay.poll()
	check_eq(calls, [1], "link_closed")
	# The handler captures the relay and would keep it alive.
	made.relay.link_closed.disconnect(handler)


func test_a_poll_in_a_handler_keeps_the_order() -> void:
	for kind: String in family.kinds():
		var made := _relayed(kind)
		var relay := made.relay
		spin_until(func() -> bool:
			made.poll()
			return relay.get_link_count() == 1, "the first link")
		made.events.clear()
		var handler := func(_number: int) -> void:
			if made.events.size() == 1:
				relay.abort_all()
				relay.poll()
		relay.link_opened.connect(handler)
		var peers: Array[StreamPeer] = [family.peer(kind), family.peer(kind)]
		for peer in peers:
			_connect(made, peer)
		spin_until(func() -> bool:
			relay.poll()
			return made.events.size() == 5, "all signals")
		for number in [2, 3]:
			check(made.events.find([number]) < made.events.find([number, ERR_SKIP]),
					"%s: %s" % [kind, made.events])
		relay.link_opened.disconnect(handler)


func test_a_relay_can_be_reconfigured_while_a_thread_polls_it() -> void:
	var made := _relayed(family.local_kind())
	var stop := [false]
	var thread := in_thread(func() -> void:
		while not stop[0]:
			made.relay.poll())
	var data := _pattern(200_000)
	var got := PackedByteArray()
	var state := [0, 0]
	spin_until(func() -> bool:
		state[0] += _put(made.client, data, state[0])
		got.append_array(made.served.receive())
		state[1] += 1
		made.relay.to_target.delay = 0.0001 * (state[1] % 5)
		made.relay.to_target.stalled = state[1] % 3 == 0 and got.size() < data.size() / 2
		made.relay.to_target.max_piece_bytes = [0, 1000][state[1] % 2]
		return got.size() == data.size(), "all bytes")
	check(got == data, "the bytes")
	stop[0] = true
	join(thread, "the thread")


func test_a_relay_serves_a_hundred_links() -> void:
	var kind: String = family.local_kind()
	var made := Relayed.new()
	made.endpoint = endpoint(kind)
	_listen(made, kind)
	made.relay.to_client.jitter = 0.01
	var clients: Array[StreamPeer] = []
	var served: Array[StreamPeer] = []
	for i in 100:
		clients.append(family.peer(kind))
		_connect(made, clients[i])
		settle(clients[i])
		clients[i].put_32(i)
		spin_until(func() -> bool:
			made.relay.poll()
			return made.endpoint.server.is_connection_available(), "a link")
		served.append(made.endpoint.server.take_connection())
	check_eq(made.relay.get_link_count(), 100, "get_link_count")
	for peer in served:
		_arrives_at(made.relay, peer, 4)
		peer.put_32(peer.get_32() * 3)
	for i in 100:
		_arrives_at(made.relay, clients[i], 4)
		check_eq(clients[i].get_32(), i * 3, "the answer")
	for peer in clients:
		peer.disconnect_from_host()
	spin_until(func() -> bool:
		made.relay.poll()
		for peer in served:
			peer.poll()
		return made.relay.get_link_count() == 0, "the end of all links")
	var ends := made.events.filter(
			func(entry: Array) -> bool: return entry.size() == 2 and entry[1] == OK)
	check_eq(ends.size(), 100, "link_closed")


# Opens a link of `kind` through a relay.
func _relayed(kind: String, of_client := family, of_server := family) -> Relayed:
	var made := Relayed.new()
	_open(made, kind, of_client, of_server)
	return made


func _open(made: Relayed, kind: String, of_client := family, of_server := family) -> void:
	made.endpoint = endpoint(kind, LOOPBACK, of_server)
	_listen(made, kind)
	made.client = of_client.peer(kind)
	check_eq(_connect(made, made.client), OK, kind + ": connect_to_host")
	_accept(made)


func _listen(made: Relayed, kind: String) -> void:
	if kind == "tcp":
		check_eq(made.relay.set_target_host(LOOPBACK, made.endpoint.port), OK, "set_target_host")
		check_eq(made.relay.listen(0, LOOPBACK), OK, "listen")
	else:
		check_eq(made.relay.set_target_path(made.endpoint.path), OK, "set_target_path")
		check_eq(made.relay.listen_at_path(fresh_path()), OK, "listen_at_path")


func _connect(made: Relayed, peer: StreamPeer) -> Error:
	if made.relay.get_local_port() > 0:
		return peer.connect_to_host(LOOPBACK, made.relay.get_local_port())
	return peer.connect_to_host(made.relay.get_listen_path())


func _accept(made: Relayed) -> void:
	spin_until(func() -> bool:
		made.poll()
		return made.endpoint.server.is_connection_available(), "the link")
	made.served = made.endpoint.server.take_connection()
	settle(made.client)
	check_eq(made.client.get_status(), STATUS_CONNECTED, "the client is connected")


func _arrives(made: Relayed, at: StreamPeer, count: int) -> void:
	_arrives_at(made.relay, at, count)


func _arrives_at(relay: SocketRelayRs, at: StreamPeer, count: int) -> void:
	spin_until(func() -> bool:
		relay.poll()
		return at.get_available_bytes() >= count, "%d bytes" % count)


func _is_over(made: Relayed, peer: StreamPeer, what: String) -> void:
	spin_until(func() -> bool:
		made.relay.poll()
		peer.poll()
		if peer.get_available_bytes() > 0:
			peer.receive()
		return peer.get_status() in [STATUS_NONE, STATUS_ERROR], what + ": the end")


func _closes(made: Relayed, what: String) -> void:
	spin_until(func() -> bool:
		made.poll()
		return made.relay.get_link_count() == 0, what + ": the end of the link")


func reaches_none(peer: StreamPeer) -> void:
	spin_until(func() -> bool:
		peer.poll()
		if peer.get_available_bytes() > 0:
			peer.receive()
		return peer.get_status() in [STATUS_NONE, STATUS_ERROR], "the end")


func _kinds_of(one: RefCounted, other: RefCounted) -> Array:
	return Array(one.kinds()).filter(func(kind: String) -> bool: return other.kinds().has(kind))


# Puts as much of `data` from `at` on as `peer` accepts, and returns the count.
func _put(peer: StreamPeer, data: PackedByteArray, at: int) -> int:
	return peer.put_partial_data(data.slice(at, at + 65_536))[1] if at < data.size() else 0


func _take(peer: StreamPeer) -> PackedByteArray:
	var count := peer.get_available_bytes()
	return peer.get_partial_data(count)[1] if count > 0 else PackedByteArray()


func _pattern(size: int) -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(size)
	for i in size:
		bytes[i] = (i ^ (i >> 8)) & 0xff
	return bytes
