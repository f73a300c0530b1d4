extends "res://tests/support/http_case.gd"
## `HTTPServerRs` and untrusted clients: limits, malformed streams, and pages that attack.

const EngineProcess := preload("res://tests/support/engine_process.gd")


func _answering() -> HTTPServerRs:
	return serve(func(request: HTTPServerRequestRs) -> void:
		request.respond(200, "ok %d" % request.body.size()))


## Checks that `text` is refused with `status`, and that nothing else happens.
func _check_refused(server: HTTPServerRs, text: String, status: int, words: String) -> void:
	var answer := ask(server, text)
	check_eq(status_of(answer), status, text.left(100))
	check(body_of(answer).ends_with(": %s\n" % words), body_of(answer))
	check_eq(header_of(answer, "connection"), "close", text.left(100))
	check_eq(answer.count("HTTP/1.1 "), 1, "one answer")


func test_malformed_requests_are_refused_and_touch_nobody_else() -> void:
	var server := _answering()
	var bystander := connected_to(server)
	bystander.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab")
	for row: Array in [
		["GET / HTTP/1.1\r\n\r\n", 400, "no Host header"],
		["GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "more than one Host header"],
		["GET / HTTP/1.1\nHost: localhost\n\n", 400,
				"line feed without a carriage return in the head"],
		["GET / HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n", 400, "folded header line"],
		["GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400, "malformed header name"],
		[request_text("POST /", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
				400, "both Content-Length and Transfer-Encoding"],
		[request_text("POST /", "Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), 400,
				"more than one Content-Length"],
		[request_text("POST /", "Content-Length: -3\r\n"), 400, "malformed Content-Length"],
		[request_text("POST /", "Transfer-Encoding: chunked\r\n", "x\r\n"), 400,
				"malformed chunk size"],
		[request_text("POST /", "Transfer-Encoding: gzip\r\n"), 501,
				"unsupported Transfer-Encoding"],
		["GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", 505, "unsupported version"],
		["GET /\r\n\r\n", 400, "malformed request target"],
		["\u0016\u0003\u0001\u0002", 400, "control character 0x16 in the head"],
		["hello\r\n\r\n", 400, "malformed method"],
	]:
		_check_refused(server, row[0], row[1], row[2])
		# Bytes after a malformed request are not a request.
		_check_refused(server, row[0] + request_text("GET /"), row[1], row[2])
	bystander.send("cd")
	await_text(bystander, "ok 4")
	check_eq(server.get_connection_count(), 1, "the bystander is left")
	check_eq(server.get_last_error(), OK, "no error of the server")


func test_limits_have_their_status() -> void:
	var server := _answering()
	server.max_head_bytes = 300
	server.max_body_bytes = 10
	_check_refused(server, "GET /" + "x".repeat(400), 414,
			"request line exceeds the limit of 300 bytes")
	_check_refused(server, request_text("GET /", "A: %s\r\n" % "x".repeat(400)), 431,
			"head exceeds the limit of 300 bytes")
	_check_refused(server, request_text("POST /", "Content-Length: 11\r\n"), 413,
			"body exceeds the limit of 10 bytes")
	_check_refused(server, request_text("POST /", "Content-Length: 99999999999999999\r\n"), 413,
			"body exceeds the limit of 10 bytes")
	_check_refused(server, request_text("POST /", "Transfer-Encoding: chunked\r\n",
			"6\r\n012345\r\n6\r\n012345\r\n"), 413, "body exceeds the limit of 10 bytes")
	_check_refused(server, request_text("POST /",
			"Expect: 100-continue\r\nContent-Length: 11\r\n"), 413,
			"body exceeds the limit of 10 bytes")
	check_eq(body_of(ask(server, request_text("POST /", "Content-Length: 10\r\n", "0123456789"))),
			"ok 10", "a body at the limit")
	server.max_head_bytes = 16384
	_check_refused(server, request_text("GET /", "A: b\r\n".repeat(101)), 431,
			"head exceeds the limit of 100 header fields")


func test_a_client_that_expects_it_gets_100_continue() -> void:
	var server := _answering()
	var client := connected_to(server)
	client.send(request_text("POST /", "Expect: 100-continue\r\nContent-Length: 3\r\n"))
	await_text(client, "HTTP/1.1 100 Continue\r\n\r\n")
	client.take()
	client.send("abc")
	check_eq(body_of(await_close(client)), "ok 3", "the answer")


func test_slow_clients_run_out_of_time() -> void:
	var server := _answering()
	server.head_timeout = 0.2
	server.idle_timeout = 0.4
	var silent := connected_to(server)
	var loris := connected_to(server)
	var body := connected_to(server)
	body.send(request_text("POST /", "Content-Length: 3\r\n", "a"))
	spin_until(func() -> bool:
		silent.step()
		body.step()
		if not loris.is_closed():
			loris.peer.put_partial_data("A".to_ascii_buffer())
		loris.step()
		return silent.is_closed() and loris.is_closed() and body.is_closed(), "all to be closed")
	check_eq(silent.text(), "", "a silent client")
	check(loris.text().ends_with("408 Request Timeout: head took too long\n"), loris.text())
	check(body.text().ends_with("408 Request Timeout: body took too long\n"), body.text())


func test_a_handler_that_does_not_answer_is_named_once() -> void:
	if not EngineProcess.available():
		return skip("no second engine can be run here")
	var run := EngineProcess.run("children/http_unanswered.gd")
	var output: String = run.output
	check_eq(run.code, 0, "exit code")
	check_eq(output.count("the handler of GET /kept, "), 1, output)
	check(output.contains("_keep, did not answer within response_timeout; the client got 500"),
			output)
	check_eq(output.count("the handler of POST /half, "), 1, output)
	check_eq(output.count("the handler of POST /failing, "), 1, output)
	check_eq(output.count("freed a request without an answer; the client got 500"), 2, output)
	check_eq(output.count("500 Internal Server Error: server did not answer in time"), 4, output)
	check_eq(output.count("500 Internal Server Error: server did not answer\n"), 4, output)
	check(not output.contains("evil"), "nothing of an untrusted client")


func test_a_request_that_waits_too_long_for_its_handler_gets_503() -> void:
	var reached := []
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		reached.append(request.path)
		OS.delay_msec(400)
		request.respond(200, "ok"))
	server.response_timeout = 0.2
	var clients: Array[RawClient] = []
	for i in 3:
		clients.append(connected_to(server))
		clients[i].send(request_text("GET /%d" % i))
	# One poll reads all and has time for one, and the next poll for another. Each takes as long as
	# a long frame, of which a part counts, but not at once. That is too long for the third.
	OS.delay_msec(20)
	check_eq(body_of(await_close(clients[0])), "ok", "a slow handler may answer late")
	check_eq(body_of(await_close(clients[1])), "ok", "the next poll serves the next request")
	var answer := await_close(clients[2])
	check_eq(status_of(answer), 503, answer)
	check(answer.ends_with("503 Service Unavailable: server is too busy\n"), answer)
	check_eq(reached, ["/0", "/1"], "the handlers")


func test_connections_are_limited_and_idle_ones_are_evicted() -> void:
	var kept: Array[HTTPServerRequestRs] = []
	var server := serve(func(request: HTTPServerRequestRs) -> void: kept.append(request))
	server.max_connections = 3
	var busy: Array[RawClient] = []
	for i in 3:
		var client := connected_to(server)
		client.send("GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % i)
		busy.append(client)
		spin_until(func() -> bool:
			server.poll()
			return kept.size() == i + 1, "the request")
	for i in 2:
		_check_refused(server, request_text("GET /"), 503, "too many connections")
	check_eq(server.get_connection_count(), 3, "still three")
	# One of them becomes idle.
	kept[1].respond(200, "ok 1")
	await_text(busy[1], "ok 1")
	var new_client := connected_to(server)
	new_client.send(request_text("GET /new"))
	spin_until(func() -> bool:
		new_client.step()
		return kept.size() == 4, "a new one is served")
	kept[3].respond(200, "ok")
	check_eq(body_of(await_close(new_client)), "ok", "the new one has its answer")
	spin_until(func() -> bool:
		busy[1].step()
		return busy[1].is_closed(), "the idle one is closed")
	check_eq(busy[1].text().count("HTTP/1.1"), 1, "without another word")
	for i: int in [0, 2]:
		kept[i].respond(200, "ok %d" % i)
		check(await_text(busy[i], "ok %d" % i), "the others go on")


func test_a_client_with_a_complete_request_is_not_evicted() -> void:
	var server := _answering()
	server.max_connections = 1
	var first := connected_to(server)
	first.send(request_text("GET /"))
	var second := connected_to(server)
	second.send(request_text("GET /"))
	# One poll accepts both.
	check_eq(status_of(await_close(first)), 200, "the first one is served")
	check_eq(status_of(await_close(second)), 503, "the second one gets 503")
	var kept := connected_to(server)
	kept.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	await_text(kept, "ok 0")
	kept.take()
	kept.send(request_text("GET /"))
	var third := connected_to(server)
	third.send(request_text("GET /"))
	check_eq(status_of(await_close(kept)), 200, "so is one that was idle")
	check_eq(status_of(await_close(third)), 503, "the third one gets 503")


func test_dns_rebinding_is_refused() -> void:
	# A page of evil.example, whose name suddenly means 127.0.0.1, sends requests to itself.
	var reached := [0]
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		reached[0] += 1
		request.respond(200))
	var with_host := func(host: String) -> String:
		return "POST /steer HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host
	for host: String in ["evil.example", "evil.example:%d" % server.get_local_port(),
			"localhost.evil.example", "127.0.0.1.evil.example"]:
		_check_refused(server, with_host.call(host), 421,
				"host of the request is not served here")
	check_eq(reached[0], 0, "no handler is reached")
	for host: String in ["localhost", "127.0.0.1:80", "[::1]", "192.168.1.5:8080"]:
		check_eq(status_of(ask(server, with_host.call(host))), 200, host)
	server.allowed_hosts = PackedStringArray(["game.example"])
	check_eq(status_of(ask(server, with_host.call("GAME.example:8080"))), 200, "allowed")
	check_eq(status_of(ask(server, with_host.call("evil.example"))), 421, "not allowed")
	server.allowed_hosts = PackedStringArray(["*"])
	check_eq(status_of(ask(server, with_host.call("evil.example"))), 200, "all are allowed")


func test_pages_of_other_origins_are_refused() -> void:
	# A page of evil.example opens a WebSocket to this server, or posts to it.
	var reached := [0]
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		reached[0] += 1
		request.respond(200))
	var upgrade := func(origin: String) -> String:
		return request_text("GET /", "Origin: %s\r\nUpgrade: websocket\r\n" % origin
				+ "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	var words := "pages of other origins may not use this server"
	for origin: String in ["http://evil.example", "https://localhost.evil.example", "null",
			"http://localhost:%d" % (server.get_local_port() + 1)]:
		_check_refused(server, upgrade.call(origin), 403, words)
		_check_refused(server, request_text("POST /", "Origin: %s\r\n" % origin), 403, words)
	check_eq(reached[0], 0, "no handler is reached")
	check_eq(status_of(ask(server, upgrade.call("http://localhost"))), 200, "its own page")
	server.allowed_origins = PackedStringArray(["http://evil.example"])
	check_eq(status_of(ask(server, upgrade.call("http://evil.example"))), 200, "allowed")
	check_eq(status_of(ask(server, upgrade.call("http://other.example"))), 403, "not allowed")


func test_random_streams_do_no_harm() -> void:
	var server := _answering()
	var words := ["GET / HTTP/1.1\r\n", "Host: localhost\r\n", "\r\n", "\r\n\r\n",
			"POST /a HTTP/1.1\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n",
			"abc", "0\r\n\r\n", "3\r\nabc\r\n", "\r", "\n", " ", ":", "\u00e4", "Connection: close\r\n",
			"Expect: 100-continue\r\n"]
	var random := RandomNumberGenerator.new()
	random.seed = 22
	for round in 200:
		var client := connected_to(server)
		for i in random.randi_range(1, 12):
			client.send(words[random.randi() % words.size()])
			client.step()
		client.peer.abort()
	spin_until(func() -> bool:
		server.poll()
		return server.get_connection_count() == 0, "all to be over")
	check_eq(body_of(ask(server, request_text("GET /"))), "ok 0", "the server goes on")
