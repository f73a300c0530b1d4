extends "res://tests/support/http_case.gd"
## Frames that are longer than a time limit of `HTTPServerRs`: nothing moves meanwhile, which says
## nothing about the clients.

const LIMIT := 0.4
## Longer than the limit.
const FRAME_MSEC := 800


## Nobody polls, as while a level is loaded.
func _long_frame() -> void:
	OS.delay_msec(FRAME_MSEC)


func test_a_download_survives_a_long_frame() -> void:
	var body := PackedByteArray()
	# Larger than all buffers.
	body.resize(32 << 20)
	var server := serve(func(request: HTTPServerRequestRs) -> void: request.respond(200, body))
	server.idle_timeout = LIMIT
	var client := connected_to(server)
	client.send(request_text("GET /"))
	spin_until(func() -> bool:
		client.step()
		return not client.received.is_empty(), "the beginning")
	# The client is ready for more.
	client.peer.poll()
	client.received.append_array(client.peer.receive())
	check(client.received.size() < body.size(), "it has not arrived")
	_long_frame()
	spin_until(func() -> bool:
		client.step()
		return client.is_closed(), "the end")
	var rest := client.received.size() - body.size()
	check(rest > 0 and rest < 1000, "a head and the body: %d bytes more" % rest)


func test_an_upload_survives_a_long_frame() -> void:
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		request.respond(200, request.body))
	server.head_timeout = LIMIT
	server.idle_timeout = LIMIT
	for cut: int in [20, -3]:
		var text := request_text("POST /", "Content-Length: 6\r\n", "abcdef")
		var client := connected_to(server)
		client.send(text.left(cut))
		client.step()
		_long_frame()
		client.step()
		client.send(text.right(-text.left(cut).length()))
		check_eq(body_of(await_close(client)), "abcdef", "the answer")


func test_a_handler_may_answer_after_a_long_frame() -> void:
	var held: Array[HTTPServerRequestRs] = []
	var server := serve(func(request: HTTPServerRequestRs) -> void: held.append(request))
	server.response_timeout = LIMIT
	var client := connected_to(server)
	client.send(request_text("GET /"))
	spin_until(func() -> bool:
		client.step()
		return not held.is_empty(), "the request")
	_long_frame()
	server.poll()
	check_eq(held[0].respond(200, "late"), OK, "respond")
	check_eq(body_of(await_close(client)), "late", "the answer")


func test_a_websocket_opens_after_a_long_frame() -> void:
	var server := TCPServerRs.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var client := WebSocketPeerRs.new()
	var served := WebSocketPeerRs.new()
	for peer: WebSocketPeerRs in [client, served]:
		peer.handshake_timeout = LIMIT
	var url := "ws://127.0.0.1:%d/" % server.get_local_port()
	check_eq(client.connect_to_url(url), OK, "connect_to_url")
	var streams: Array[StreamPeerSocketRs] = []
	spin_until(func() -> bool:
		client.poll()
		streams.append(server.take_connection())
		return streams.back() != null, "the connection")
	check_eq(served.accept_stream(streams.back()), OK, "accept_stream")
	_long_frame()
	spin_until(func() -> bool:
		client.poll()
		served.poll()
		return [client, served].all(func(peer: WebSocketPeerRs) -> bool:
			return peer.get_ready_state() != WebSocketPeerRs.STATE_CONNECTING), "the handshake")
	check_eq([client.get_ready_state(), served.get_ready_state()],
			[WebSocketPeerRs.STATE_OPEN, WebSocketPeerRs.STATE_OPEN], "both are open")
	served.close()
	server.stop()
