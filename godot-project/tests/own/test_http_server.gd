extends "res://tests/support/http_case.gd"
## `HTTPServerRs`: requests, routes and answers.

const SignalLog := preload("res://tests/support/signal_log.gd")


func test_a_new_server_has_its_documented_defaults() -> void:
	var server := HTTPServerRs.new()
	check_eq(server.is_listening(), false, "is_listening")
	check_eq([server.get_local_port(), server.get_listen_path()], [0, ""], "addresses")
	check_eq(server.get_connection_count(), 0, "get_connection_count")
	check_eq([server.max_connections, server.max_head_bytes], [256, 16384], "limits")
	check_eq([server.max_body_bytes, server.max_unsent_bytes], [1 << 20, 1 << 20], "limits")
	check_eq([server.head_timeout, server.idle_timeout], [10.0, 60.0], "times")
	check_eq([server.response_timeout, server.auto_poll], [30.0, false], "response_timeout")
	check_eq(server.allowed_hosts, PackedStringArray(), "allowed_hosts")
	check_eq(server.allowed_origins, PackedStringArray(), "allowed_origins")
	check_eq([server.poll(), server.get_last_error()], [OK, OK], "poll")


func test_it_listens_on_the_loopback_address_only() -> void:
	var server := serve()
	check_eq(server.is_listening(), true, "is_listening")
	check(server.get_local_port() > 0, "a port")
	if OS.has_feature("linux"):
		# All of 127.0.0.0/8 is this machine.
		var peer := StreamPeerTCPRs.new()
		peer.connect_to_host("127.0.0.2", server.get_local_port())
		settle(peer)
		check_eq(peer.get_status(), STATUS_ERROR, "another address")
	server.stop()
	check_eq([server.is_listening(), server.get_local_port()], [false, 0], "stopped")
	check_eq(server.listen(0, "*"), OK, "listen again, everywhere")


func test_wrong_arguments_are_refused_with_a_message() -> void:
	var server := HTTPServerRs.new()
	var none := func(_request: HTTPServerRequestRs) -> void: pass
	var refused := func(what: Callable, words: String) -> void:
		check_eq(quietly(what), ERR_INVALID_PARAMETER, words)
		check_eq(server.get_last_error_message(), words, "the words")
	var port := "listen: port %d is not between 0 and 65535"
	refused.call(func() -> Error: return server.listen(-1), port % -1)
	refused.call(func() -> Error: return server.listen(65536), port % 65536)
	refused.call(func() -> Error: return server.listen(0, "localhost"),
			"listen \"localhost\": not an IP address")
	refused.call(func() -> Error: return server.listen_unix(""), "listen_unix: path is empty")
	refused.call(func() -> Error: return server.route("G T", "/", none),
			"route: method \"G T\" is not a token")
	refused.call(func() -> Error: return server.route("GET", "a", none),
			"route: pattern \"a\" does not begin with /")
	refused.call(func() -> Error: return server.route("GET", "/{a}b", none),
			"route: segment \"{a}b\" is neither text nor {name}")
	refused.call(func() -> Error: return server.route("GET", "/{a}/{a}", none),
			"route: name \"a\" occurs twice")
	refused.call(func() -> Error: return server.route("GET", "/", Callable()),
			"route: callable is not valid")
	refused.call(func() -> Error: return server.serve_files("a", "res://"),
			"serve_files: prefix \"a\" does not begin with /")
	refused.call(func() -> Error: return server.serve_files("/", ""),
			"serve_files: folder is empty")
	for property: String in ["max_connections", "max_head_bytes", "max_body_bytes",
			"max_unsent_bytes", "max_total_unsent_bytes"]:
		var before: int = server.get(property)
		quietly(func() -> void: server.set(property, -1))
		check_eq(server.get_last_error_message(), property + ": -1 is negative", "the words")
		check_eq(server.get(property), before, property)
	for property: String in ["head_timeout", "idle_timeout", "response_timeout",
			"max_poll_seconds"]:
		var before: float = server.get(property)
		quietly(func() -> void: server.set(property, -1.0))
		check_eq(server.get_last_error_message(),
				property + ": -1 is not a valid number of seconds", "the words")
		check_eq(server.get(property), before, property)
		server.set(property, 0.0)
		check_eq(server.get(property), 0.0, property + " without a limit")
	check_eq(server.listen(0), OK, "listen")
	check_eq(quietly(func() -> Error: return server.listen(0)), ERR_ALREADY_IN_USE, "twice")
	var second := HTTPServerRs.new()
	check(second.listen(server.get_local_port()) != OK, "a port that is taken")
	check(second.get_last_error_message().begins_with("listen: "), second.get_last_error_message())


func test_a_request_has_its_parts() -> void:
	var seen := {}
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		for property: String in ["method", "path", "target", "query", "parameters", "body"]:
			seen[property] = request.get(property)
		seen.headers = request.headers
		seen.text = request.get_body_text()
		seen.header = [request.get_header("X-A"), request.get_header("none")]
		seen.peer = [request.get_peer_address(), request.get_peer_port() > 0]
		seen.open = [request.is_open(), request.get_unsent_bytes()]
		request.respond(204)
		seen.open_after = request.is_open())
	var answer := ask(server, request_text("PUT /a%20%C3%A4/b?c=d+e&f=%26&c=2&g",
			"X-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n", "\u00e4!"))
	check_eq(status_of(answer), 204, answer)
	check_eq([seen.method, seen.path], ["PUT", "/a \u00e4/b"], "method, path")
	check_eq(seen.target, "/a%20%C3%A4/b?c=d+e&f=%26&c=2&g", "target")
	check_eq(seen.query, {"c": "d e", "f": "&", "g": ""}, "query")
	check_eq(seen.parameters, {}, "parameters")
	check_eq(seen.headers, {"host": "localhost", "connection": "close", "x-a": "1, 2",
			"content-length": "3"}, "headers")
	check_eq(seen.header, ["1, 2", ""], "get_header")
	check_eq([seen.body, seen.text], ["\u00e4!".to_utf8_buffer(), "\u00e4!"], "body")
	check_eq(seen.peer, ["127.0.0.1", true], "peer")
	check_eq([seen.open, seen.open_after], [[true, 0], false], "is_open")


func test_bodies_of_json_are_parsed_and_others_are_not() -> void:
	var seen := []
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		seen.append([request.get_body_json(), request.get_last_error(),
				request.get_last_error_message().begins_with("get_body_json: ")])
		request.respond_json({"a": [1, null]}))
	for body: String in ["{\"x\": [1, 2.5]}", "{", ""]:
		var answer := ask(server, request_text("POST /", "Content-Length: %d\r\n" % body.length(),
				body))
		check_eq(body_of(answer), "{\"a\":[1,null]}", "the answer")
		check_eq(header_of(answer, "content-type"), "application/json", "its type")
	check_eq(seen, [[{"x": [1, 2.5]}, OK, false], [null, ERR_PARSE_ERROR, true],
			[null, ERR_PARSE_ERROR, true]], "get_body_json")


func test_routes_are_found_by_method_and_pattern() -> void:
	var server := serve()
	var routed := func(name: String) -> Callable:
		return func(request: HTTPServerRequestRs) -> void:
			request.respond(200, "%s %s" % [name, request.parameters])
	check_eq(server.route("GET", "/", routed.call("root")), OK, "route")
	server.route("GET", "/players/{id}", routed.call("get"))
	server.route("POST", "/players/{id}", routed.call("post"))
	server.route("", "/any/{rest...}", routed.call("any"))
	server.route("GET", "/players/7", routed.call("never"))
	for row: Array in [
		["GET /", 200, "root {  }"],
		["GET /players/7", 200, "get { \"id\": \"7\" }"],
		["GET /players/a%2Fb?x", 200, "get { \"id\": \"a/b\" }"],
		["POST /players/7", 200, "post { \"id\": \"7\" }"],
		["BREW /any/a/b", 200, "any { \"rest\": \"a/b\" }"],
		["DELETE /players/7", 405, "405 Method Not Allowed\n"],
		["get /", 405, "405 Method Not Allowed\n"],
		["GET /players/", 404, "404 Not Found\n"],
		["GET /Players/7", 404, "404 Not Found\n"],
		["GET //", 404, "404 Not Found\n"],
		["OPTIONS *", 404, "404 Not Found\n"],
		["CONNECT localhost:1", 404, "404 Not Found\n"],
	]:
		var answer := ask(server, request_text(row[0]))
		check_eq([status_of(answer), body_of(answer)], [row[1], row[2]], row[0])
	var refused := ask(server, request_text("DELETE /players/7"))
	check_eq(header_of(refused, "allow"), "GET, HEAD, POST", "Allow")
	var head := ask(server, request_text("HEAD /players/7"))
	check_eq([status_of(head), header_of(head, "content-length"), body_of(head)],
			[200, "17", ""], "HEAD")
	# What no route takes goes to the signal.
	server.request_received.connect(func(request: HTTPServerRequestRs) -> void:
		request.respond(200, "signal " + request.method))
	check_eq(body_of(ask(server, request_text("DELETE /players/7"))), "signal DELETE", "signal")
	server.clear_routes()
	check_eq(body_of(ask(server, request_text("GET /"))), "signal GET", "no routes")


func test_answers_have_the_headers_of_the_script() -> void:
	var own_headers := {"content-type": "a/b", "Set-Cookie": ["a", "b"], "X-Number": 7,
			"Date": "today", "X-List": PackedStringArray(["c", "d"])}
	var server := serve()
	server.route("", "/text", func(request: HTTPServerRequestRs) -> void:
		request.respond(200, "\u00e4"))
	server.route("", "/bytes", func(request: HTTPServerRequestRs) -> void:
		request.respond(201, PackedByteArray([1, 2])))
	server.route("", "/own", func(request: HTTPServerRequestRs) -> void:
		request.respond(200, "x", own_headers))
	server.route("", "/empty", func(request: HTTPServerRequestRs) -> void: request.respond(404))
	var text := ask(server, request_text("GET /text"))
	check_eq(header_of(text, "content-type"), "text/plain; charset=utf-8", "a String")
	check_eq([header_of(text, "content-length"), body_of(text)], ["2", "\u00e4"], "its body")
	check(header_of(text, "date").ends_with(" GMT"), "Date")
	var bytes := ask(server, request_text("GET /bytes"))
	check_eq(header_of(bytes, "content-type"), "application/octet-stream", "bytes")
	var own := ask(server, request_text("GET /own"))
	check(own.contains("\r\ncontent-type: a/b\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nX-Number: 7\r\n"
			+ "Date: today\r\nX-List: c\r\nX-List: d\r\nContent-Length: 1\r\n"), own)
	check(not own.contains("text/plain"), "the script's type alone")
	var empty := ask(server, request_text("GET /empty"))
	check_eq([status_of(empty), header_of(empty, "content-length")], [404, "0"], "no body")
	check(not empty.to_lower().contains("content-type"), "no body, no type")


func test_invalid_answers_are_refused_with_a_message() -> void:
	var words := []
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		var note := func(what: Callable) -> void:
			words.append([quietly(what), request.get_last_error_message()])
		note.call(func() -> Error: return request.respond(99))
		note.call(func() -> Error: return request.respond(-1))
		note.call(func() -> Error: return request.respond(200, 7))
		note.call(func() -> Error: return request.respond(204, "x"))
		note.call(func() -> Error: return request.respond(200, "", {"A": "b\r\nC: d"}))
		note.call(func() -> Error: return request.respond(200, "", {"A b": "c"}))
		note.call(func() -> Error: return request.respond(200, "", {"Content-Length": 1}))
		note.call(func() -> Error: return request.respond_file("res://none.txt"))
		note.call(func() -> Error: return request.write("x"))
		note.call(func() -> Error: return request.write(7))
		note.call(func() -> Error: return request.finish())
		note.call(func() -> Error: return request.send_event("x", "a\nb"))
		check_eq(request.respond(200, "once"), OK, "the answer")
		check_eq(request.get_last_error(), OK, "success clears the last error")
		note.call(func() -> Error: return request.respond(200, "twice"))
		note.call(func() -> Error: return request.start_stream()))
	check_eq(body_of(ask(server, request_text("GET /"))), "once", "one answer")
	check_eq(words, [
		[ERR_INVALID_PARAMETER, "respond: status 99 is not between 200 and 999"],
		[ERR_INVALID_PARAMETER, "respond: status -1 is not between 200 and 999"],
		[ERR_INVALID_PARAMETER, "respond: body is neither a String nor a PackedByteArray"],
		[ERR_INVALID_PARAMETER, "respond: response with status 204 has no body"],
		[ERR_INVALID_PARAMETER, "respond: value of header \"A\" has control characters"],
		[ERR_INVALID_PARAMETER, "respond: header name \"A b\" is not a token"],
		[ERR_INVALID_PARAMETER, "respond: header \"Content-Length\" is set by the server"],
		[ERR_FILE_CANT_OPEN, "respond_file: open res://none.txt: file not found"],
		[ERR_UNCONFIGURED, "write: start_stream was not called"],
		[ERR_INVALID_PARAMETER, "write: data is neither a String nor a PackedByteArray"],
		[ERR_UNCONFIGURED, "finish: start_stream was not called"],
		[ERR_INVALID_PARAMETER, "send_event: event name contains a line end"],
		[ERR_ALREADY_IN_USE, "respond: request is already answered"],
		[ERR_ALREADY_IN_USE, "start_stream: request is already answered"],
	], "codes and words")


func test_pipelined_requests_are_answered_in_order() -> void:
	var waiting: Array[HTTPServerRequestRs] = []
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		if request.path == "/later":
			waiting.append(request)
		else:
			request.respond(200, request.path))
	var client := connected_to(server)
	var get_text := func(path: String) -> String:
		return "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path
	client.send(get_text.call("/1") + get_text.call("/2") + get_text.call("/later")
			+ get_text.call("/4"))
	spin_until(func() -> bool:
		client.step()
		return waiting.size() == 1, "the third request")
	for i in 3:
		client.step()
	check(client.text().ends_with("\r\n\r\n/2"), "two answers, and the fourth has to wait")
	waiting.pop_back().respond(200, "/3")
	await_text(client, "\r\n\r\n/4")
	var bodies := Array(client.text().split("HTTP/1.1 200 OK\r\n").slice(1)).map(body_of)
	check_eq(bodies, ["/1", "/2", "/3", "/4"], "in order")
	check_eq(server.get_connection_count(), 1, "one connection")


func test_a_handler_may_answer_after_an_await() -> void:
	var tree: SceneTree = Engine.get_main_loop()
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		await tree.process_frame
		await tree.process_frame
		request.respond(200, "later"))
	server.auto_poll = true
	var client := connected_to(server)
	client.send(request_text("GET /"))
	await until(func() -> bool:
		client.peer.poll()
		client.received.append_array(client.peer.receive())
		return client.is_closed(), "the answer")
	check_eq(body_of(client.text()), "later", "the answer")


func test_streams_arrive_as_they_are_written() -> void:
	var held: Array[HTTPServerRequestRs] = []
	var server := serve(func(request: HTTPServerRequestRs) -> void: held.append(request))
	var client := connected_to(server)
	client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	spin_until(func() -> bool:
		client.step()
		return not held.is_empty(), "the request")
	var request: HTTPServerRequestRs = held.pop_back()
	check_eq(request.start_stream(200, {"X-A": "b"}), OK, "start_stream")
	check_eq(request.write("abc"), OK, "write text")
	await_text(client, "\r\n3\r\nabc\r\n")
	check(client.text().contains("\r\nTransfer-Encoding: chunked\r\n"), "chunks")
	check_eq(request.write(PackedByteArray([100])), OK, "write bytes")
	check_eq(request.write(""), OK, "an empty chunk is none")
	check_eq(request.is_open(), true, "is_open")
	check_eq(quietly(func() -> Error: return request.respond(200)), ERR_ALREADY_IN_USE, "respond")
	check_eq(request.get_last_error_message(), "respond: answer has already begun", "its words")
	check_eq(request.finish(), OK, "finish")
	await_text(client, "1\r\nd\r\n0\r\n\r\n")
	check_eq(quietly(func() -> Error: return request.write("x")), ERR_ALREADY_IN_USE, "too late")
	# The connection continues.
	client.take()
	client.send(request_text("GET /"))
	spin_until(func() -> bool:
		client.step()
		return not held.is_empty(), "the next request")
	request = held.pop_back()
	check_eq(request.start_stream(200, {"Content-Length": 3}), OK, "with a length")
	check_eq(quietly(func() -> Error: return request.write("abcd")), ERR_INVALID_PARAMETER, "long")
	check_eq(request.get_last_error_message(),
			"write: body exceeds Content-Length by 1 bytes", "its words")
	request.write("abc")
	request.finish()
	check_eq(body_of(await_close(client)), "abc", "the body")


func test_events_are_sent_to_the_page() -> void:
	var held: Array[HTTPServerRequestRs] = []
	var server := serve(func(request: HTTPServerRequestRs) -> void: held.append(request))
	var client := connected_to(server)
	client.send("GET / HTTP/1.0\r\n\r\n")
	spin_until(func() -> bool:
		client.step()
		return not held.is_empty(), "the request")
	var request: HTTPServerRequestRs = held[0]
	check_eq(request.send_event("1\n2", "score", "7"), OK, "the first event")
	check_eq(request.send_event("3"), OK, "the second event")
	await_text(client, "event: score\nid: 7\ndata: 1\ndata: 2\n\ndata: 3\n\n")
	check_eq(header_of(client.text(), "content-type"), "text/event-stream", "type")
	var log := SignalLog.of(request, ["drained"])
	var closed := [0]
	request.closed.connect(func() -> void: closed[0] += 1)
	client.peer.disconnect_from_host()
	spin_until(func() -> bool:
		server.poll()
		return closed[0] > 0, "closed")
	check_eq([request.is_open(), request.send_event("4")], [false, ERR_CONNECTION_ERROR], "over")
	check_eq(request.get_last_error_message(),
			"send_event: client has disconnected, or response_timeout has passed", "its words")
	server.poll()
	check_eq([closed[0], log.entries], [1, []], "closed once")


func test_a_slow_reader_is_reported() -> void:
	var held: Array[HTTPServerRequestRs] = []
	var server := serve(func(request: HTTPServerRequestRs) -> void: held.append(request))
	server.max_unsent_bytes = 100_000
	var client := connected_to(server)
	client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	spin_until(func() -> bool:
		client.step()
		return not held.is_empty(), "the request")
	var request: HTTPServerRequestRs = held[0]
	var log := SignalLog.of(request, ["drained"])
	request.start_stream()
	var block := PackedByteArray()
	block.resize(50_000)
	var written := 0
	while request.write(block) == OK:
		written += block.size()
		if not check(written < 1 << 28, "the system's buffers are full"):
			return
	check_eq(request.get_last_error(), ERR_BUSY, "the client does not read")
	check_eq(request.get_last_error_message(),
			"write: queue of 100000 bytes (max_unsent_bytes) is full", "its words")
	var unsent := request.get_unsent_bytes()
	check(unsent >= 100_000 and unsent < 200_000, "%d bytes wait" % unsent)
	var chunks := written / block.size()
	spin_until(func() -> bool:
		client.step()
		return log.count("drained") > 0, "drained")
	request.finish()
	spin_until(func() -> bool:
		client.step()
		return client.received.slice(-5) == "0\r\n\r\n".to_ascii_buffer(), "the end")
	check_eq(client.received.count(0), chunks * block.size(), "all bytes")


func test_handlers_may_do_anything() -> void:
	var server := [serve()]
	var again := func(request: HTTPServerRequestRs) -> void:
		server[0].poll()
		request.respond(200, "polled")
		server[0].poll()
	server[0].request_received.connect(again)
	check_eq(body_of(ask(server[0], request_text("GET /"))), "polled", "poll")
	server[0].request_received.disconnect(again)
	server[0].request_received.connect(func(request: HTTPServerRequestRs) -> void:
		var closed := [0]
		request.closed.connect(func() -> void: closed[0] += 1)
		server[0].stop()
		check_eq(closed[0], 1, "closed")
		check_eq([request.is_open(), request.respond(200)], [false, ERR_CONNECTION_ERROR], "over"))
	check_eq(ask(server[0], request_text("GET /")), "", "stop")
	# The only reference is dropped while the server is being polled.
	server[0] = serve()
	server[0].request_received.connect(func(request: HTTPServerRequestRs) -> void:
		server[0] = null
		request.respond(200, "last"))
	var client := connected_to(server[0])
	client.server = null
	client.send(request_text("GET /") + request_text("GET /"))
	spin_until(func() -> bool:
		if server[0] != null:
			server[0].poll()
		client.step()
		return client.is_closed(), "the end")
	check_eq(body_of(client.text()), "last", "free")


func test_unix_domain_sockets_serve_too() -> void:
	if lacks_uds():
		return
	var server := HTTPServerRs.new()
	var path := fresh_path()
	check_eq(server.listen_unix(path), OK, "listen_unix")
	check_eq([server.get_listen_path(), server.get_local_port()], [path, 0], "addresses")
	server.request_received.connect(func(request: HTTPServerRequestRs) -> void:
		request.respond(200, "%s:%d" % [request.get_peer_address(), request.get_peer_port()]))
	var client := RawClient.new()
	client.server = server
	client.peer = StreamPeerUDSRs.new()
	check_eq(client.peer.connect_to_host(path), OK, "connect")
	client.send(request_text("GET /"))
	check_eq(body_of(await_close(client)), ":0", "the answer")
	server.stop()
	check(not exists(path), "the socket is removed")


func test_a_request_can_only_come_from_a_server() -> void:
	check_eq(ClassDB.can_instantiate("HTTPServerRequestRs"), false, "can_instantiate")


func test_a_request_becomes_a_websocket() -> void:
	var sockets: Array[WebSocketPeerRs] = []
	var server := serve()
	server.route("GET", "/socket", func(request: HTTPServerRequestRs) -> void:
		sockets.append(request.upgrade()))
	server.route("GET", "/page", func(request: HTTPServerRequestRs) -> void:
		request.respond(200, "page"))
	var url := "ws://127.0.0.1:%d/socket" % server.get_local_port()
	for client: PacketPeer in [WebSocketPeerRs.new(), WebSocketPeer.new()]:
		sockets.clear()
		check_eq(client.call("connect_to_url", url), OK, "connect_to_url")
		spin_until(func() -> bool:
			server.poll()
			client.call("poll")
			return client.call("get_ready_state") == WebSocketPeer.STATE_OPEN, "the client to be open")
		if not check(sockets.size() == 1 and sockets[0] != null, "a WebSocket"):
			return
		var served := sockets[0]
		var connected := [0]
		served.connected.connect(func() -> void: connected[0] += 1)
		client.call("send_text", "hello")
		spin_until(func() -> bool:
			served.poll()
			client.call("poll")
			return served.get_available_packet_count() > 0, "a message")
		check_eq(served.get_packet().get_string_from_utf8(), "hello", "the message")
		check_eq([connected[0], served.was_string_packet()], [1, true], "connected, text")
		check(served.get_requested_url().ends_with("/socket"), served.get_requested_url())
		check_eq(server.get_connection_count(), 0, "the server has let it go")
		# The server does not need to live on.
		served.send_text("back")
		spin_until(func() -> bool:
			client.call("poll")
			return client.get_available_packet_count() > 0, "an answer")
		check_eq(client.get_packet().get_string_from_utf8(), "back", "the answer")
		check_eq(body_of(ask(server, request_text("GET /page"))), "page", "pages go on")
		client.call("close")
		spin_until(func() -> bool:
			served.poll()
			client.call("poll")
			return served.get_ready_state() == WebSocketPeerRs.STATE_CLOSED, "the close")


func test_a_websocket_like_one_that_is_kept_alive_is_kept_alive() -> void:
	var sockets: Array[WebSocketPeerRs] = []
	var like := WebSocketPeerRs.new()
	like.keep_alive_in_background = true
	var server := serve()
	server.route("GET", "/socket", func(request: HTTPServerRequestRs) -> void:
		sockets.append(request.upgrade([], like)))
	var client := WebSocketPeerRs.new()
	# On a busy machine, the background answers later.
	var interval := System.patience(1000.0) / 1000.0
	client.heartbeat_interval = interval
	client.connect_to_url("ws://127.0.0.1:%d/socket" % server.get_local_port())
	spin_until(func() -> bool:
		server.poll()
		client.poll()
		return client.get_ready_state() == WebSocketPeerRs.STATE_OPEN, "the client to be open")
	check(sockets[0].keep_alive_in_background, "the setting is the same")
	# Nobody polls the served one.
	spin_until(func() -> bool:
		client.poll()
		return (client.get_statistics().pongs_received > 1
				or client.get_ready_state() != WebSocketPeerRs.STATE_OPEN), "pongs",
		PATIENCE + 4.0 * interval)
	check(client.get_statistics().pongs_received > 1, "pings were answered")


func test_an_upgrade_without_a_handshake_is_refused() -> void:
	var words := []
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		words.append(request.upgrade(PackedStringArray(["chat"])))
		words.append(request.get_last_error_message())
		words.append(request.is_open()))
	var answer := ask(server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	check_eq(status_of(answer), 426, answer)
	check_eq(words,
			[null, "upgrade: handshake: header Upgrade does not contain websocket", false], "words")
	words.clear()
	answer = ask(server, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
			+ "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			+ "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: other\r\n\r\n")
	check_eq(status_of(answer), 400, answer)
	check_eq(words,
			[null, "upgrade: handshake: subprotocol \"other\" is not supported", false], "words")


func test_messages_right_behind_the_handshake_are_received() -> void:
	var sockets: Array[WebSocketPeerRs] = []
	var like := WebSocketPeerRs.new()
	like.max_queued_packets = 7
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		sockets.append(request.upgrade(PackedStringArray(["chat"]), like)))
	var client := connected_to(server)
	client.peer.put_data(("GET /first HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
			+ "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			+ "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			+ "Sec-WebSocket-Protocol: chat\r\n\r\n").to_ascii_buffer()
			+ PackedByteArray([0x82, 0x81, 0, 0, 0, 0, 7]))
	await_text(client, "\r\n\r\n")
	check(client.text().contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
			client.text())
	var served := sockets[0]
	served.poll()
	check_eq(served.get_packet(), PackedByteArray([7]), "the message")
	check_eq(served.get_selected_protocol(), "chat", "get_selected_protocol")
	check_eq(served.max_queued_packets, 7, "the settings of like")
