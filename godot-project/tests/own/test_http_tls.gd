extends "res://tests/support/http_case.gd"
## `HTTPServerRs` with `tls_options`: HTTPS, and clients that do not speak it.

static var _options: TLSOptions


## A client that speaks TLS.
class TlsClient:
	extends RawClient
	var tls := StreamPeerTLS.new()
	var unsent := PackedByteArray()

	func send(text: String) -> void:
		unsent.append_array(text.to_utf8_buffer())

	func step() -> void:
		if is_instance_valid(server):
			server.poll()
		# The engine's class says so when the stream is over.
		Engine.print_error_messages = false
		if tls.get_status() in [StreamPeerTLS.STATUS_HANDSHAKING, StreamPeerTLS.STATUS_CONNECTED]:
			tls.poll()
		Engine.print_error_messages = true
		if tls.get_status() != StreamPeerTLS.STATUS_CONNECTED:
			return
		if not unsent.is_empty():
			unsent = unsent.slice(tls.put_partial_data(unsent)[1])
		Engine.print_error_messages = false
		received.append_array(tls.get_partial_data(1 << 16)[1])
		Engine.print_error_messages = true

	func is_closed() -> bool:
		return not tls.get_status() in [StreamPeerTLS.STATUS_HANDSHAKING, StreamPeerTLS.STATUS_CONNECTED]


## Serves with TLS, or returns null if this engine has none.
func _serve_tls(handler := Callable()) -> HTTPServerRs:
	if quietly(func() -> Object: return ClassDB.instantiate("Crypto")) == null:
		skip("this engine has no TLS")
		return null
	if _options == null:
		var crypto := Crypto.new()
		var key := crypto.generate_rsa(2048)
		_options = TLSOptions.server(key, crypto.generate_self_signed_certificate(key))
	var server := serve(handler)
	server.tls_options = _options
	return server


func _tls_client(server: HTTPServerRs) -> TlsClient:
	var client := TlsClient.new()
	client.server = server
	client.peer = StreamPeerTCPRs.new()
	client.peer.connect_to_host(LOOPBACK, server.get_local_port())
	poll_connect(client.peer)
	check_eq(client.tls.connect_to_stream(client.peer, "localhost", TLSOptions.client_unsafe()), OK,
			"connect_to_stream")
	return client


func _echo(request: HTTPServerRequestRs) -> void:
	request.respond(200, "%s %s %d" % [request.path, request.is_secure(), request.body.size()])


func test_options_of_a_client_are_refused() -> void:
	var server := HTTPServerRs.new()
	check_eq(server.tls_options, null, "the default")
	quietly(func() -> void: server.tls_options = TLSOptions.client())
	check_eq(server.get_last_error_message(), "tls_options: these are client options", "the words")
	check_eq(server.tls_options, null, "unchanged")


func test_https_answers_many_requests_on_one_connection() -> void:
	var server := _serve_tls(_echo)
	if server == null:
		return
	check_eq(server.tls_options, _options, "tls_options")
	var client := _tls_client(server)
	client.send("GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	await_text(client, "/1 true 0")
	var body := "x".repeat(300_000)
	client.send("POST /2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n" + body
			+ "GET /3 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	await_text(client, "/2 true 300000")
	await_text(client, "/3 true 0")
	check_eq(server.get_connection_count(), 1, "one connection")
	# Clients that have connected before go on.
	server.tls_options = null
	check_eq(body_of(ask(server, request_text("GET /plain"))), "/plain false 0", "without TLS")
	client.take()
	client.send("GET /4 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	await_text(client, "/4 true 0")
	client.peer.disconnect_from_host()
	spin_until(func() -> bool:
		server.poll()
		return server.get_connection_count() == 0, "the end")


func test_the_engines_client_loads_large_files_and_streams() -> void:
	var server := _serve_tls()
	if server == null:
		return
	var path := fresh_path("large.bin")
	var bytes := PackedByteArray()
	bytes.resize(2_000_000)
	for i in range(0, bytes.size(), 4):
		bytes.encode_u32(i, i * 2654435761)
	FileAccess.open(path, FileAccess.WRITE).store_buffer(bytes)
	server.route("GET", "/file",
			func(request: HTTPServerRequestRs) -> void: request.respond_file(path))
	server.route("GET", "/events", func(request: HTTPServerRequestRs) -> void:
		for i in 3:
			request.send_event(str(i))
		request.finish())
	var client := HTTPClient.new()
	check_eq(client.connect_to_host("127.0.0.1", server.get_local_port(), TLSOptions.client_unsafe()),
			OK, "connect_to_host")
	var poll := func() -> int:
		server.poll()
		client.poll()
		return client.get_status()
	spin_until(func() -> bool: return poll.call() == HTTPClient.STATUS_CONNECTED, "the handshake")
	for row: Array in [["/file", bytes],
			["/events", "data: 0\n\ndata: 1\n\ndata: 2\n\n".to_ascii_buffer()], ["/file", bytes]]:
		check_eq(client.request(HTTPClient.METHOD_GET, row[0], []), OK, "request")
		spin_until(func() -> bool: return poll.call() != HTTPClient.STATUS_REQUESTING, "the head")
		check_eq(client.get_response_code(), 200, row[0])
		var received := PackedByteArray()
		spin_until(func() -> bool:
			if poll.call() == HTTPClient.STATUS_BODY:
				received.append_array(client.read_response_body_chunk())
			return client.get_status() != HTTPClient.STATUS_BODY, "the body")
		check(received == row[1], "%s: %d bytes" % [row[0], received.size()])
	client.close()
	DirAccess.remove_absolute(path)


func test_a_request_becomes_a_websocket_over_tls() -> void:
	var sockets: Array[WebSocketPeerRs] = []
	var server := _serve_tls(func(request: HTTPServerRequestRs) -> void:
		sockets.append(request.upgrade()))
	if server == null:
		return
	var client := WebSocketPeerRs.new()
	check_eq(client.connect_to_url("wss://localhost:%d/chat" % server.get_local_port(),
			TLSOptions.client_unsafe()), OK, "connect_to_url")
	spin_until(func() -> bool:
		server.poll()
		client.poll()
		return client.get_ready_state() == WebSocketPeerRs.STATE_OPEN and sockets.size() == 1, "open")
	check_eq(sockets[0].get_requested_url(), "wss://localhost:%d/chat" % server.get_local_port(),
			"URL")
	check_eq(server.get_connection_count(), 0, "the server has let it go")
	client.max_message_bytes = 1 << 20
	for length: int in [5, 60_000, 1]:
		sockets[0].send_text("a".repeat(length))
		spin_until(func() -> bool:
			sockets[0].poll()
			client.poll()
			return client.get_available_packet_count() > 0, "%d bytes" % length)
		check_eq(client.get_packet().get_string_from_ascii(), "a".repeat(length), "the message")
	client.send_text("back")
	spin_until(func() -> bool:
		client.poll()
		sockets[0].poll()
		return sockets[0].get_available_packet_count() > 0, "the message back")
	check_eq(sockets[0].get_packet().get_string_from_ascii(), "back", "the message back")
	sockets[0].close()
	spin_until(func() -> bool:
		client.poll()
		sockets[0].poll()
		return client.get_ready_state() == WebSocketPeerRs.STATE_CLOSED, "the end")
	check_eq(client.get_close_code(), 1000, "the code")


func test_clients_without_tls_harm_nobody() -> void:
	var server := _serve_tls(_echo)
	if server == null:
		return
	server.head_timeout = 0.5
	var bystander := _tls_client(server)
	bystander.send("GET /before HTTP/1.1\r\nHost: localhost\r\n\r\n")
	await_text(bystander, "/before true 0")
	var hello := _hello(server)
	check(hello.size() > 50, "a hello of %d bytes" % hello.size())
	# Plain HTTP, garbage, a malformed record, a hello that is cut, and one that is spoiled.
	var spoiled := hello.duplicate()
	for i in range(9, spoiled.size(), 3):
		spoiled[i] ^= 0x55
	for bytes: PackedByteArray in [request_text("GET /").to_ascii_buffer(), PackedByteArray([0]),
			"garbage".repeat(5000).to_ascii_buffer(), PackedByteArray([22, 3, 1, 0, 5, 1, 2, 3, 4, 5]),
			hello.slice(0, 1), hello.slice(0, 20), hello, spoiled, hello + spoiled]:
		for ends: bool in [false, true]:
			var peer := StreamPeerTCPRs.new()
			peer.connect_to_host(LOOPBACK, server.get_local_port())
			poll_connect(peer)
			peer.put_data(bytes)
			if ends:
				peer.abort()
			spin_until(func() -> bool:
				server.poll()
				peer.poll()
				peer.receive()
				return peer.get_status() != STATUS_CONNECTED and server.get_connection_count() == 1,
				"the end of %s" % bytes.slice(0, 30))
	# Garbage after the handshake.
	var rude := _tls_client(server)
	spin_until(func() -> bool:
		rude.step()
		return rude.tls.get_status() == StreamPeerTLS.STATUS_CONNECTED, "the handshake")
	rude.peer.put_data("no record".to_ascii_buffer())
	spin_until(func() -> bool:
		server.poll()
		return server.get_connection_count() == 1, "the rude one to be gone")
	check(Engine.print_error_messages, "errors are printed as before")
	bystander.send("GET /after HTTP/1.1\r\nHost: localhost\r\n\r\n")
	await_text(bystander, "/after true 0")
	check_eq(server.get_last_error(), OK, "no error of the server")


func test_clients_with_incomplete_handshakes_are_evicted() -> void:
	var server := _serve_tls(_echo)
	if server == null:
		return
	server.max_connections = 2
	var hello := _hello(server)
	var silent: Array[StreamPeerTCPRs] = []
	for i in 2:
		var peer := StreamPeerTCPRs.new()
		peer.connect_to_host(LOOPBACK, server.get_local_port())
		poll_connect(peer)
		peer.put_data(hello)
		silent.append(peer)
	spin_until(func() -> bool:
		server.poll()
		return server.get_connection_count() == 2, "both")
	spin_until(func() -> bool:
		var client := _tls_client(server)
		# The engine's client can lose an answer that comes with the end.
		client.send("GET /new HTTP/1.1\r\nHost: localhost\r\n\r\n")
		spin_until(func() -> bool:
			client.step()
			return client.is_closed() or "/new" in client.text(), "an answer, or the end")
		return "/new true 0" in client.text(), "a new client to be served")


## What a client sends first.
func _hello(server: HTTPServerRs) -> PackedByteArray:
	var listener := TCPServerRs.new()
	listener.listen(0, LOOPBACK)
	var peer := StreamPeerTCPRs.new()
	peer.connect_to_host(LOOPBACK, listener.get_local_port())
	poll_connect(peer)
	var tls := StreamPeerTLS.new()
	tls.connect_to_stream(peer, "localhost", TLSOptions.client_unsafe())
	tls.poll()
	var received := PackedByteArray()
	var accepted := listener.take_connection()
	spin_until(func() -> bool:
		server.poll()
		accepted.poll()
		received.append_array(accepted.receive())
		return received.size() > 5 and received.size() >= 5 + (received[3] << 8 | received[4]), "a hello")
	return received
