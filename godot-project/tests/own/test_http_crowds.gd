extends "res://tests/support/http_case.gd"
## `HTTPServerRs` and many clients at once: which are evicted, what memory they take, and how long a
## poll may be.

## More than the system takes for a client that reads nothing.
const LARGE := 16 << 20

const GET := "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


func _answering() -> HTTPServerRs:
	return serve(func(request: HTTPServerRequestRs) -> void:
		request.respond(200, "ok"))


func _step(clients: Array[RawClient]) -> void:
	for client: RawClient in clients:
		client.step()


func test_clients_with_incomplete_heads_are_evicted_after_a_second() -> void:
	var server := _answering()
	server.max_connections = 3
	var begun: Array[RawClient] = []
	for i in 3:
		var client := connected_to(server)
		client.send("GET / HT")
		client.step()
		begun.append(client)
		# The order of their ages is known.
		spin_until(func() -> bool:
			server.poll()
			return server.get_connection_count() == i + 1, "the connection")
	# The oldest may have been evicted before, if this machine is slow.
	spin_until(func() -> bool: return status_of(ask(server, request_text("GET /"))) == 200,
			"a new client to be served")
	spin_until(func() -> bool:
		_step(begun)
		return begun[0].is_closed(), "the oldest to be evicted")
	check(begun[0].text().begins_with("HTTP/1.1 503 "), begun[0].text())
	check(begun[0].text().ends_with(": too many connections\n"), begun[0].text())
	check(server.head_timeout == 10.0, "long before head_timeout")


func test_256_incomplete_heads_do_not_exclude_new_clients() -> void:
	var server := _answering()
	server.head_timeout = 60.0
	var begun: Array[RawClient] = []
	for i in server.max_connections:
		var client := connected_to(server)
		client.send("G")
		client.step()
		begun.append(client)
	var started := Time.get_ticks_msec()
	spin_until(func() -> bool: return status_of(ask(server, request_text("GET /"))) == 200,
			"a new client to be served")
	check(not System.is_over(started, 5000), "soon, and not after head_timeout")


func test_clients_with_incomplete_bodies_are_evicted() -> void:
	var server := _answering()
	server.max_connections = 1
	var slow := connected_to(server)
	slow.send(request_text("POST /", "Content-Length: 10\r\n", "x"))
	slow.step()
	spin_until(func() -> bool: return status_of(ask(server, request_text("GET /"))) == 200,
			"a new client to be served")
	check(await_close(slow).begins_with("HTTP/1.1 503 "), "the slow one gets 503")


func test_clients_that_accept_no_answer_are_evicted() -> void:
	var large := PackedByteArray()
	large.resize(LARGE)
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		request.respond(200, large if request.path == "/large" else PackedByteArray()))
	server.max_connections = 1
	var slow := StreamPeerTCPRs.new()
	slow.connect_to_host(LOOPBACK, server.get_local_port())
	poll_connect(slow)
	slow.put_data(request_text("GET /large").to_ascii_buffer())
	spin_until(func() -> bool:
		server.poll()
		return server.get_connection_count() == 1, "the slow client")
	spin_until(func() -> bool: return status_of(ask(server, request_text("GET /"))) == 200,
			"a new client to be served")
	# A part of the answer must not look like the whole.
	spin_until(func() -> bool:
		slow.poll()
		slow.receive()
		return slow.get_status() != STATUS_CONNECTED, "the slow client to be reset")
	check_eq(slow.get_status(), STATUS_ERROR, "a reset")


func test_handlers_and_streams_of_one_machine_are_not_evicted() -> void:
	var kept: Array[HTTPServerRequestRs] = []
	var server := serve(func(request: HTTPServerRequestRs) -> void: kept.append(request))
	server.max_connections = 2
	var clients: Array[RawClient] = [connected_to(server), connected_to(server)]
	for client: RawClient in clients:
		client.send(GET)
	spin_until(func() -> bool:
		_step(clients)
		return kept.size() == 2, "both requests")
	kept[0].start_stream()
	OS.delay_msec(1100)
	check_eq(status_of(ask(server, request_text("GET /"))), 503, "there is no room")
	kept[1].respond(200, "late")
	await_text(clients[1], "late")
	check(kept[0].is_open(), "the stream goes on")
	kept[0].finish()


## Clients of a large answer that read nothing.
func _deaf(server: HTTPServerRs, count: int) -> Array[StreamPeerTCPRs]:
	var clients: Array[StreamPeerTCPRs] = []
	for i in count:
		var client := StreamPeerTCPRs.new()
		client.connect_to_host(LOOPBACK, server.get_local_port())
		poll_connect(client)
		client.put_data(GET.to_ascii_buffer())
		clients.append(client)
	return clients


func test_unsent_bytes_of_all_clients_are_limited() -> void:
	var large := PackedByteArray()
	large.resize(LARGE)
	var handled := [0]
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		handled[0] += 1
		check_eq(request.respond(200, large), OK, "respond"))
	server.max_total_unsent_bytes = LARGE / 2
	var clients := _deaf(server, 5)
	var most := [0]
	var started := Time.get_ticks_msec()
	spin_until(func() -> bool:
		var before: int = handled[0]
		server.poll()
		most[0] = maxi(most[0], handled[0] - before)
		return handled[0] == 5, "all to be handled")
	check_eq(most[0], 1, "one at a time")
	check(Time.get_ticks_msec() - started >= 3900, "each waits a second for the one before")
	check_eq(server.get_connection_count(), 1, "the slow ones are gone")
	for i in 4:
		spin_until(func() -> bool:
			clients[i].poll()
			clients[i].receive()
			return clients[i].get_status() == STATUS_ERROR, "client %d to be reset" % i)


func test_streams_of_all_clients_together_are_limited() -> void:
	var streams: Array[HTTPServerRequestRs] = []
	var server := serve(func(request: HTTPServerRequestRs) -> void: streams.append(request))
	server.max_total_unsent_bytes = LARGE
	server.max_unsent_bytes = 1 << 40
	var clients := _deaf(server, 2)
	spin_until(func() -> bool:
		server.poll()
		return streams.size() == 2, "both requests")
	var block := PackedByteArray()
	block.resize(1 << 20)
	for stream in streams:
		stream.start_stream()
	# The system takes more now and then.
	var refused := [0]
	spin_until(func() -> bool:
		server.poll()
		OS.delay_msec(1)
		refused[0] = 0 if streams[0].write(block) == OK else refused[0] + 1
		return refused[0] == 30, "all memory to be taken")
	var drained := [0]
	streams[1].drained.connect(func() -> void: drained[0] += 1)
	# On a busy machine, all this can take a second, and then the first one is over already.
	if streams[0].is_open():
		check(streams[0].get_unsent_bytes() > LARGE, "the first one has taken all")
		check(streams[0].get_unsent_bytes() <= LARGE + (2 << 20), "and no more")
		check_eq(streams[1].write(block), ERR_BUSY, "the second one has to wait")
		server.poll()
		check_eq(drained[0], int(not streams[0].is_open()), "nothing drains before its end")
	else:
		leave_out("the first one ended too soon")
	# The first one is reset after a second, because its client reads nothing.
	spin_until(func() -> bool:
		server.poll()
		return not streams[0].is_open(), "the first one to end")
	spin_until(func() -> bool:
		server.poll()
		return drained[0] > 0 or not family.left_out.is_empty(), "the second one to emit drained")
	check_eq(streams[1].write(block), OK, "and to go on")


func test_a_client_counts_until_it_has_its_answer() -> void:
	var large := PackedByteArray()
	large.resize(LARGE)
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		request.respond(200, large, {"Connection": "close"}))
	var client := connected_to(server)
	client.send(GET)
	for i in 50:
		server.poll()
		OS.delay_msec(1)
	check_eq(server.get_connection_count(), 1, "it is still a client")
	spin_until(func() -> bool:
		client.step()
		return client.is_closed(), "the end")
	check_eq(client.received.size() - client.received.find(0), LARGE, "the whole body")
	check_eq(server.get_connection_count(), 0, "it is gone")


func test_a_poll_hands_out_requests_for_a_limited_time() -> void:
	var paths: Array[String] = []
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		paths.append(request.path)
		OS.delay_msec(3)
		request.respond(200))
	check_eq(server.max_poll_seconds, 0.005, "the default")
	var flood := connected_to(server)
	flood.send("GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(30))
	var other := connected_to(server)
	other.send(request_text("GET /other"))
	var most := [0]
	spin_until(func() -> bool:
		var before := paths.size()
		server.poll()
		flood.peer.poll()
		most[0] = maxi(most[0], paths.size() - before)
		return paths.size() == 31, "all requests")
	check(most[0] <= 2, "at most 2 in a poll, not %d" % most[0])
	check(paths.find("/other") <= 2, "the other one has its turn, %d" % paths.find("/other"))
	server.max_poll_seconds = 0
	flood.send("GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(10))
	flood.step()
	spin_until(func() -> bool:
		server.poll()
		return paths.size() > 31, "more")
	check(paths.size() > 33, "without a limit all are handled at once")
