extends "res://tests/support/http_case.gd"
## `HTTPServerRs.route_upload`: bodies that a script takes as they arrive, and clients that attack.

const LARGE := 64 << 20

## What a connection may hold of a body: a megabyte, what it has not decoded, and the buffers of the
## system.
const MAX_HELD := 24 << 20


## Takes bodies in one of several ways, and answers with what it got.
class Taker:
	var requests: Array[HTTPServerRequestRs] = []
	## The body of each request so far.
	var bodies: Array[PackedByteArray] = []
	## For each request whose body has ended: whether it was open then.
	var ends: Array[bool] = []

	func wait_and_take(request: HTTPServerRequestRs) -> void:
		var number := _add(request)
		while request.is_receiving_body():
			await request.body_received
			bodies[number].append_array(request.receive_body())
		_end(request, number)

	func take_and_wait(request: HTTPServerRequestRs) -> void:
		var number := _add(request)
		while request.is_receiving_body():
			bodies[number].append_array(request.receive_body())
			await request.body_received
		_end(request, number)

	func connect_to_signal(request: HTTPServerRequestRs) -> void:
		var number := _add(request)
		var take := func() -> void:
			# The second take of a frame gets nothing.
			bodies[number].append_array(request.receive_body())
			bodies[number].append_array(request.receive_body())
			if not request.is_receiving_body():
				_end(request, number)
		if request.is_receiving_body():
			request.body_received.connect(take)
		else:
			take.call()

	func _add(request: HTTPServerRequestRs) -> int:
		requests.append(request)
		bodies.append(PackedByteArray())
		return bodies.size() - 1

	func _end(request: HTTPServerRequestRs, number: int) -> void:
		ends.append(request.is_open())
		request.respond(201, "%d %s" % [bodies[number].size(), bodies[number].get_string_from_utf8()])
		for connection in request.body_received.get_connections():
			request.body_received.disconnect(connection.callable)


func _serve(callable: Callable, max_bytes := LARGE) -> HTTPServerRs:
	var server := serve()
	check_eq(server.route_upload("", "/{rest...}", callable, max_bytes), OK, "route_upload")
	return server


func _head(headers: String, line := "POST /") -> String:
	return "%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % [line, headers]


func test_every_way_to_take_a_body_gets_all_of_it_once() -> void:
	var chunked := (_head("Transfer-Encoding: chunked\r\n")
			+ "3\r\nabc\r\n4;x\r\ndefg\r\n0\r\nA: b\r\n\r\n")
	for way: StringName in [&"wait_and_take", &"take_and_wait", &"connect_to_signal"]:
		for text: String in [_head("Content-Length: 7\r\n") + "abcdefg", chunked]:
			for step: int in [1, 5, 60, 1000]:
				var taker := Taker.new()
				var server := _serve(Callable(taker, way), 7)
				var client := connected_to(server)
				for start in range(0, text.length(), step):
					client.send(text.substr(start, step))
					client.step()
				if not await_text(client, "\r\n\r\n7 abcdefg"):
					return
				check_eq(status_of(client.take()), 201, way)
				check_eq(taker.ends, [true], "it was open at the end")
				# The connection goes on, and has the next request.
				client.send(_head("Content-Length: 0\r\n") + _head("", "GET /") + _head("", "HEAD /"))
				await_text(client, "Content-Length: 2\r\n\r\n0 HTTP/1.1 201 Created\r\n")
				spin_until(func() -> bool:
					client.step()
					return taker.ends.size() == 4, "three without a body")
				check_eq(server.get_connection_count(), 1, "one connection")


func test_a_body_comes_in_parts() -> void:
	var held: Array[HTTPServerRequestRs] = []
	var server := _serve(func(request: HTTPServerRequestRs) -> void: held.append(request))
	var client := connected_to(server)
	client.send(_head("Content-Length: 6\r\n", "PUT /a?b=c"))
	spin_until(func() -> bool:
		client.step()
		return not held.is_empty(), "the request before its body")
	var request: HTTPServerRequestRs = held.pop_back()
	check_eq([request.method, request.path, request.get_header("Content-Length")],
			["PUT", "/a", "6"], "its head")
	check_eq([request.is_receiving_body(), request.receive_body(), request.body],
			[true, PackedByteArray(), PackedByteArray()], "nothing has come")
	check_eq([request.get_body_text(), request.get_body_json()], ["", null], "no whole body")
	for part: String in ["ab", "cde", "f"]:
		client.send(part)
		var got := [""]
		spin_until(func() -> bool:
			client.step()
			got[0] += request.receive_body().get_string_from_ascii()
			return got[0] == part, part)
	# Nobody has waited for the signal, and the end is known after a poll.
	client.step()
	check_eq([request.is_receiving_body(), request.is_open()], [false, true], "the end")
	request.respond(200, "ok")
	await_text(client, "\r\n\r\nok")
	check_eq(request.receive_body(), PackedByteArray(), "over")


func test_large_bodies_need_little_memory() -> void:
	var block := PackedByteArray()
	block.resize(1 << 20)
	for i in range(0, block.size(), 4):
		block.encode_u32(i, i * 2654435761)
	for is_chunked: bool in [false, true]:
		var held: Array[HTTPServerRequestRs] = []
		var hash := HashingContext.new()
		hash.start(HashingContext.HASH_SHA256)
		var state := {"taken": 0, "largest": 0, "growth": 0, "unsent": PackedByteArray()}
		var take := func(request: HTTPServerRequestRs) -> void:
			held.append(request)
			while request.is_receiving_body():
				await request.body_received
				var part := request.receive_body()
				if not part.is_empty():
					hash.update(part)
				state.taken += part.size()
				state.largest = maxi(state.largest, part.size())
			request.respond(200, hash.finish().hex_encode())
		var server := _serve(take)
		server.max_body_bytes = 10
		var client := connected_to(server)
		client.send(_head("Transfer-Encoding: chunked\r\n" if is_chunked
				else "Content-Length: %d\r\n" % LARGE))
		var expected := HashingContext.new()
		expected.start(HashingContext.HASH_SHA256)
		var before := _resident_bytes()
		var piece := "100000\r\n".to_ascii_buffer() + block + "\r\n".to_ascii_buffer()
		if not is_chunked:
			piece = block
		for i in LARGE >> 20:
			expected.update(block)
			state.unsent = piece
			spin_until(func() -> bool:
				state.unsent = state.unsent.slice(client.peer.put_partial_data(state.unsent)[1])
				client.step()
				state.growth = maxi(state.growth, _resident_bytes() - before)
				return state.unsent.is_empty(), "a part to be sent")
		if is_chunked:
			client.send("0\r\n\r\n")
		await_text(client, "\r\n\r\n" + expected.finish().hex_encode())
		check_eq(state.taken, LARGE, "all bytes")
		check(state.largest <= 1 << 20, "%d bytes in a part" % state.largest)
		check(state.growth < MAX_HELD, "%d bytes more are in memory" % state.growth)


## How many bytes of this process are in memory, or 0 where that is not known.
func _resident_bytes() -> int:
	var file := FileAccess.open("/proc/self/statm", FileAccess.READ)
	return file.get_line().get_slice(" ", 1).to_int() * 4096 if file != null else 0


func test_a_client_has_to_wait_for_a_handler_that_takes_late() -> void:
	var held: Array[HTTPServerRequestRs] = []
	var server := _serve(func(request: HTTPServerRequestRs) -> void: held.append(request))
	var client := connected_to(server)
	client.send(_head("Content-Length: %d\r\n" % LARGE))
	var block := PackedByteArray()
	block.resize(1 << 20)
	var state := {"sent": 0, "quiet": 0}
	var send := func() -> void:
		var count: int = client.peer.put_partial_data(block.slice(0, LARGE - state.sent))[1]
		state.sent += count
		state.quiet = 0 if count > 0 else state.quiet + 1
		client.step()
	spin_until(func() -> bool:
		send.call()
		return state.quiet > 100, "the client to wait")
	check(state.sent > 1 << 20 and state.sent < MAX_HELD, "%d bytes were sent" % state.sent)
	var request: HTTPServerRequestRs = held[0]
	var taken := [0]
	# It is notified again and again, so a handler may connect late.
	var take := func() -> void: taken[0] += request.receive_body().size()
	request.body_received.connect(take)
	spin_until(func() -> bool:
		send.call()
		return not request.is_receiving_body(), "the rest")
	request.body_received.disconnect(take)
	check_eq([taken[0], state.sent], [LARGE, LARGE], "all bytes")
	request.respond(200, "late")
	await_text(client, "\r\n\r\nlate")


func test_limits_of_a_route_hold_before_and_within_a_body() -> void:
	var taker := Taker.new()
	var server := _serve(taker.wait_and_take, 10)
	server.max_head_bytes = 300
	server.max_body_bytes = 1000
	var words := ": body exceeds the limit of 10 bytes\n"
	for headers: String in ["Content-Length: 11\r\n", "Content-Length: 99999999999999999\r\n",
			"Content-Length: 11\r\nExpect: 100-continue\r\n"]:
		var answer := ask(server, _head(headers))
		check_eq([status_of(answer), body_of(answer).ends_with(words)], [413, true], answer)
	check_eq(taker.requests.size(), 0, "no handler is called")
	var chunked := _head("Transfer-Encoding: chunked\r\n")
	for row: Array in [
		["6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n", 413, words],
		["fffffffffffffff\r\n01234567890123456789", 413, words],
		["1\r\nab", 400, ": malformed line end in a chunk\n"],
		["x\r\n", 400, ": malformed chunk size\n"],
		["0\r\nA: %s" % "x".repeat(400), 431, ": trailer exceeds the limit of 300 bytes\n"],
	]:
		var client := connected_to(server)
		client.send(chunked)
		spin_until(func() -> bool:
			client.step()
			return taker.requests.size() > taker.ends.size(), "the handler")
		client.send(row[0])
		var answer := await_close(client)
		check_eq([status_of(answer), body_of(answer).ends_with(row[2])], [row[1], true], answer)
		check_eq(taker.ends.back(), false, "the script knows that nothing more comes")
	check(taker.bodies.all(func(it: PackedByteArray) -> bool: return it.size() <= 10), "the limit")
	var answer := ask(server, request_text("POST /", "Content-Length: 10\r\n", "0123456789"))
	check_eq(body_of(answer), "10 0123456789", "at the limit")
	check_eq(server.get_last_error(), OK, "no error of the server")


func test_a_client_that_asks_first_gets_100_continue_after_the_handler() -> void:
	var taker := Taker.new()
	var server := serve()
	server.route_upload("POST", "/yes", taker.wait_and_take, 10)
	server.route_upload("POST", "/no", func(request: HTTPServerRequestRs) -> void:
		request.respond(401, "no"), 10)
	server.route_upload("POST", "/drop", func(_request: HTTPServerRequestRs) -> void: pass, 10)
	var asking := "Expect: 100-continue\r\nContent-Length: 3\r\n"
	var client := connected_to(server)
	client.send(_head(asking, "POST /yes"))
	await_text(client, "HTTP/1.1 100 Continue\r\n\r\n")
	check_eq(client.take(), "HTTP/1.1 100 Continue\r\n\r\n", "alone")
	client.send("abc")
	await_text(client, "\r\n\r\n3 abc")
	check(not client.text().contains("close"), "the connection stays")
	var refused := ask(server, _head(asking, "POST /no"))
	check_eq([status_of(refused), header_of(refused, "connection"), body_of(refused)],
			[401, "close", "no"], "refused without the body")
	mute(true)
	var dropped := ask(server, _head(asking, "POST /drop"))
	mute(false)
	check_eq(status_of(dropped), 500, "a handler that lets go of it")


func test_an_answer_before_the_end_arrives_while_the_client_still_sends() -> void:
	var held: Array[HTTPServerRequestRs] = []
	var server := _serve(func(request: HTTPServerRequestRs) -> void:
		held.append(request)
		if request.path == "/now":
			request.respond(400, "enough")
		elif request.path == "/file":
			request.respond_file("res://project.godot")
		elif request.path == "/stream":
			request.start_stream()
			request.write("a"))
	for path: String in ["/now", "/file", "/later"]:
		held.clear()
		var client := connected_to(server)
		client.send(_head("Content-Length: %d\r\n" % LARGE, "POST " + path) + "x".repeat(100_000))
		spin_until(func() -> bool:
			client.step()
			return not held.is_empty(), "the request")
		if path == "/later":
			spin_until(func() -> bool:
				client.step()
				return not held[0].receive_body().is_empty(), "a part")
			held[0].respond(400, "enough")
		# The client goes on sending, as most do that do not read meanwhile.
		client.send("x".repeat(1_000_000))
		var answer := await_close(client)
		check_eq(header_of(answer, "connection"), "close", path)
		check_eq(body_of(answer).length(), header_of(answer, "content-length").to_int(), path)
		check_eq([held[0].is_open(), held[0].is_receiving_body()], [false, false], "over")
		check_eq(held[0].receive_body(), PackedByteArray(), "nothing is left")
		check_eq(server.get_connection_count(), 0, "no connection is left")
	# Also one whose answer is larger than the buffers of the system.
	var path := fresh_path("large")
	FileAccess.open(path, FileAccess.WRITE).store_string("y".repeat(LARGE >> 1))
	var large := _serve(func(request: HTTPServerRequestRs) -> void:
		if request.path == "/text":
			request.respond(200, "y".repeat(LARGE >> 1))
		else:
			request.respond_file(path))
	for name: String in ["/text", "/file"]:
		var client := connected_to(large)
		client.send(_head("Content-Length: %d\r\n" % LARGE, "POST " + name))
		var block := PackedByteArray()
		block.resize(1 << 20)
		var state := {"sent": 0, "unsent": PackedByteArray()}
		spin_until(func() -> bool:
			# Many at once: a busy machine takes long to come back from each pause.
			for i in 100:
				if state.unsent.is_empty():
					state.unsent = block
				var count: int = client.peer.put_partial_data(state.unsent)[1]
				state.unsent = state.unsent.slice(count)
				state.sent += count
				large.poll()
				if state.sent == LARGE:
					return true
			return false, "all to be sent without a read")
		spin_until(func() -> bool:
			client.step()
			return client.is_closed(), "the end")
		check_eq([client.received.count(121) > LARGE >> 1, status_of(client.text().left(100))],
				[true, 200], "the whole answer")
	# A stream can begin meanwhile.
	held.clear()
	var client := connected_to(server)
	client.send(_head("Content-Length: 3\r\n", "POST /stream"))
	await_text(client, "1\r\na\r\n")
	client.send("xyz")
	spin_until(func() -> bool:
		client.step()
		return held[0].receive_body().get_string_from_ascii() == "xyz", "the body")
	held[0].write("b")
	held[0].finish()
	check(await_close(client).ends_with("1\r\na\r\n1\r\nb\r\n0\r\n\r\n"), "the stream")


func test_a_disconnected_client_closes_its_request() -> void:
	for aborts: bool in [false, true]:
		for has_sent: bool in [false, true]:
			var taker := Taker.new()
			var closed := [0]
			var server := _serve(func(request: HTTPServerRequestRs) -> void:
				request.closed.connect(func() -> void: closed[0] += 1)
				taker.wait_and_take(request))
			var client := connected_to(server)
			client.send(_head("Content-Length: 100\r\n") + ("abc" if has_sent else ""))
			spin_until(func() -> bool:
				client.step()
				return not taker.requests.is_empty() and (not has_sent or taker.bodies[0].size() == 3),
						"the request")
			if aborts:
				client.peer.abort()
			else:
				client.peer.disconnect_from_host()
			spin_until(func() -> bool:
				server.poll()
				return closed[0] > 0, "closed")
			check_eq(taker.ends, [false], "the loop has ended, and the request is not open")
			var request := taker.requests[0]
			check_eq(request.get_last_error(), ERR_CONNECTION_ERROR, "an answer comes too late")
			server.poll()
			check_eq([closed[0], server.get_connection_count()], [1, 0], "once, and for good")


func test_slow_clients_run_out_of_time() -> void:
	var taker := Taker.new()
	var server := _serve(taker.wait_and_take)
	server.idle_timeout = 0.4
	var silent := connected_to(server)
	silent.send(_head("Content-Length: 3\r\n"))
	var drip := connected_to(server)
	drip.send(_head("Content-Length: 1000000\r\n"))
	spin_until(func() -> bool:
		silent.step()
		if not drip.is_closed():
			drip.peer.put_partial_data("x".to_ascii_buffer())
			OS.delay_msec(5)
		drip.step()
		return silent.is_closed() and drip.is_closed(), "both to be closed")
	for client: RawClient in [silent, drip]:
		check(client.text().ends_with("408 Request Timeout: body took too long\n"), client.text())
	check_eq(taker.ends, [false, false], "both loops have ended")


func test_a_handler_that_forgets_a_body_gets_its_time() -> void:
	var held: Array[HTTPServerRequestRs] = []
	var server := _serve(func(request: HTTPServerRequestRs) -> void: held.append(request))
	server.response_timeout = 0.3
	var closed := [0]
	for text: String in ["abc", "abcdef"]:
		held.clear()
		var client := connected_to(server)
		client.send(_head("Content-Length: 6\r\n") + text)
		spin_until(func() -> bool:
			client.step()
			return not held.is_empty(), "the request")
		held[0].closed.connect(func() -> void: closed[0] += 1)
		mute(true)
		var answer := await_close(client)
		mute(false)
		check(answer.ends_with("500 Internal Server Error: server did not answer in time\n"), answer)
		check_eq([held[0].is_open(), held[0].receive_body()], [false, PackedByteArray()], "over")
	check_eq([closed[0], server.get_connection_count()], [2, 0], "closed")


func test_requests_behind_an_upload_stay_in_order() -> void:
	var taker := Taker.new()
	var server := serve()
	server.route_upload("POST", "/", taker.wait_and_take, 10)
	server.route("GET", "/{name}", func(request: HTTPServerRequestRs) -> void:
		request.respond(200, request.path))
	var client := connected_to(server)
	client.send(_head("", "GET /1") + _head("Content-Length: 2\r\n") + "ab" + _head("", "GET /2")
			+ _head("Transfer-Encoding: chunked\r\n") + "1\r\nc\r\n0\r\n\r\n"
			+ request_text("GET /3"))
	var bodies := Array(await_close(client).split("HTTP/1.1 20").slice(1)).map(body_of)
	check_eq(bodies, ["/1", "2 ab", "/2", "1 c", "/3"], "in order")


func test_handlers_may_do_anything_with_a_body() -> void:
	var start := _head("Content-Length: 6\r\n") + "abc"
	var server := [null]
	var dos := {
		"stop": func() -> void: server[0].stop(),
		"free": func() -> void: server[0] = null,
		"poll": func() -> void:
			for i in 3:
				server[0].poll(),
		"clear": func() -> void: server[0].clear_routes(),
	}
	for what: String in dos:
		var taker := Taker.new()
		var seen := []
		server[0] = _serve(func(request: HTTPServerRequestRs) -> void:
			taker.wait_and_take(request)
			request.body_received.connect(func() -> void:
				seen.append(what)
				if seen.size() == 1:
					dos[what].call()))
		var client := connected_to(server[0])
		client.server = null
		client.send(start)
		spin_until(func() -> bool:
			if server[0] != null:
				server[0].poll()
			client.step()
			return not seen.is_empty(), what)
		var goes_on := what in ["poll", "clear"]
		check_eq(taker.requests[0].is_receiving_body(), goes_on, what)
		if goes_on:
			client.server = server[0]
			client.send("def")
			await_text(client, "\r\n\r\n6 abcdef")
		else:
			check_eq(await_close(client), "", what)
		check_eq(taker.ends, [goes_on], what)


func test_nothing_is_left_of_a_body_whose_server_is_gone() -> void:
	for frees: bool in [false, true]:
		var taker := Taker.new()
		var server: Array[HTTPServerRs] = [_serve(taker.wait_and_take)]
		var client := connected_to(server[0])
		client.server = null
		client.send(_head("Content-Length: 6\r\n") + "abc")
		spin_until(func() -> bool:
			server[0].poll()
			client.step()
			return not taker.bodies.is_empty() and taker.bodies[0].size() == 3, "a part")
		var request: WeakRef = weakref(taker.requests.pop_back())
		check(request.get_ref() != null, "the loop keeps the request")
		if frees:
			server.clear()
		else:
			server[0].stop()
		check_eq(taker.ends, [false], "the loop has ended")
		check_null(request.get_ref(), "the request is freed")
		check_eq(await_close(client), "", "the connection is closed")


func test_a_request_that_is_let_go_within_its_body_ends_its_connection() -> void:
	var held: Array[HTTPServerRequestRs] = []
	var server := _serve(func(request: HTTPServerRequestRs) -> void: held.append(request))
	var client := connected_to(server)
	client.send(_head("Content-Length: 6\r\n") + "abc")
	spin_until(func() -> bool:
		client.step()
		return not held.is_empty(), "the request")
	mute(true)
	held.clear()
	mute(false)
	client.send("def")
	check_eq(status_of(await_close(client)), 500, "the answer")
	check_eq(server.get_connection_count(), 0, "no connection is left")


func test_a_websocket_cannot_begin_within_a_body() -> void:
	var handshake := ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			+ "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	var words := []
	var server := _serve(func(request: HTTPServerRequestRs) -> void:
		words.append(request.upgrade())
		words.append(request.get_last_error_message())
		words.append(request.is_open()))
	var answer := ask(server, _head(handshake + "Content-Length: 6\r\n", "GET /") + "abc")
	check_eq(status_of(answer), 400, answer)
	check_eq(words, [null, "upgrade: handshake: request has a body", false], "words")
	words.clear()
	var client := connected_to(server)
	client.send(_head(handshake, "GET /"))
	await_text(client, "HTTP/1.1 101 ")
	check(words[0] is WebSocketPeerRs, "without a body it can")


func test_routes_can_change_before_a_request_is_delivered() -> void:
	var taker := Taker.new()
	var server := serve()
	server.route("GET", "/clear", func(request: HTTPServerRequestRs) -> void:
		server.clear_routes()
		server.route("", "/", func(other: HTTPServerRequestRs) -> void:
			other.respond(200, "whole " + other.get_body_text()))
		request.respond(200))
	server.route_upload("POST", "/", taker.wait_and_take, 10)
	var first := connected_to(server)
	var second := connected_to(server)
	# One poll reads both.
	first.send(request_text("GET /clear"))
	second.send(request_text("POST /", "Content-Length: 3\r\n", "abc"))
	OS.delay_msec(20)
	check_eq(status_of(await_close(first)), 200, "the first one")
	check_eq(status_of(await_close(second)), 503, "no handler gets half a request")
	check_eq(taker.requests.size(), 0, "not even the one before")
	check_eq(body_of(ask(server, request_text("POST /", "Content-Length: 3\r\n", "abc"))), "whole abc",
			"the next one")


func test_the_first_route_that_fits_decides_how_a_body_comes() -> void:
	var taker := Taker.new()
	var server := serve()
	var whole := func(request: HTTPServerRequestRs) -> void:
		request.respond(200, "whole %d %s" % [request.body.size(), request.is_receiving_body()])
	server.route("POST", "/whole", whole)
	server.route_upload("POST", "/{name}", taker.wait_and_take, 10)
	server.route("", "/{name}", whole)
	for row: Array in [["POST /whole", "whole 3 false"], ["POST /other", "3 abc"],
			["PUT /other", "whole 3 false"], ["HEAD /other", ""]]:
		check_eq(body_of(ask(server, request_text(row[0], "Content-Length: 3\r\n", "abc"))), row[1],
				row[0])
	check_eq(quietly(func() -> Error: return server.route_upload("PUT", "/", whole, -1)),
			ERR_INVALID_PARAMETER, "a negative limit")
	check_eq(server.get_last_error_message(), "route_upload: max_bytes -1 is negative", "its words")
	check_eq(quietly(func() -> Error: return server.route_upload("PUT", "a", whole, 1)),
			ERR_INVALID_PARAMETER, "a wrong pattern")
	check_eq(server.get_last_error_message(), "route_upload: pattern \"a\" does not begin with /",
			"its words")
	server.route_upload("PUT", "/none", whole, 0)
	check_eq(body_of(ask(server, request_text("PUT /none", "Content-Length: 1\r\n", "x"))),
			"whole 1 false", "an earlier route comes first")


func test_random_uploads_do_no_harm() -> void:
	var taker := Taker.new()
	var server := _serve(taker.wait_and_take, 20)
	var words := ["POST / HTTP/1.1\r\n", "Host: localhost\r\n", "\r\n", "\r\n\r\n", "\r",
			"Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "abc", "0\r\n\r\n",
			"3\r\nabc\r\n", "Connection: close\r\n", "Expect: 100-continue\r\n"]
	var heads := [_head("Content-Length: 3\r\n"), _head("Transfer-Encoding: chunked\r\n")]
	var random := RandomNumberGenerator.new()
	random.seed = 23
	for round in 200:
		var client := connected_to(server)
		client.send(heads[random.randi() % 2])
		for i in random.randi_range(1, 12):
			client.send(words[random.randi() % words.size()])
			client.step()
		client.peer.abort()
	spin_until(func() -> bool:
		server.poll()
		return server.get_connection_count() == 0, "all to be over")
	check(taker.requests.size() > 100, "%d requests" % taker.requests.size())
	check_eq(taker.ends.size(), taker.requests.size(), "no loop is left")
	check_eq(body_of(ask(server, request_text("POST /", "Content-Length: 2\r\n", "ok"))), "2 ok",
			"the server goes on")
