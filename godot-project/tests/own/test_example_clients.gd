extends "res://tests/support/test_case.gd"
## The clients in `examples/` against servers that do what no good one does. With good ones, tests/interop tries them.

const HttpClient := preload("res://examples/http_client.gd")
const LanguageClient := preload("res://examples/language_client.gd")
const MpvRemote := preload("res://examples/mpv_remote.gd")
const RedisClient := preload("res://examples/redis_client.gd")


func test_an_answer_that_is_to_come_is_none() -> void:
	var response := await _http("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
			+ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	check_eq([response.error, response.status], [OK, 200], "the answer")
	check_eq([response.headers, response.body.get_string_from_ascii()], [{"content-length": "2"}, "ok"], "what it has")


func test_lengths_that_are_none() -> void:
	for length: String in ["Content-Length: -1\r\n\r\nxx", "Content-Length: two\r\n\r\nxx",
			"Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n-2\r\nxx\r\n0\r\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\n\r\nxx\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nxx"]:
		var response := await _http("HTTP/1.1 200 OK\r\n" + length)
		check_eq(response.error, ERR_INVALID_DATA, length.c_escape())


func test_many_small_chunks() -> void:
	var chunks := "1\r\nx\r\n".repeat(30_000)
	var response := await _http("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n")
	check_eq([response.error, response.body.size(), response.body.count(0x78)], [OK, 30_000, 30_000], "the body")


func test_an_array_that_does_not_come() -> void:
	var server := _listening()
	var redis := RedisClient.new()
	var done := [false]
	_answer(server, "*1000000000\r\n:1\r\n", done)
	check_eq(await redis.connect_to_server(LOOPBACK, server.get_local_port()), OK, "connect")
	check_null(await redis.command(["KEYS", "*"]), "the answer")
	check_eq(redis.error, ERR_CONNECTION_ERROR, "the error")
	await _ended(done)


func test_answers_of_nobody() -> void:
	var server := _listening()
	var client := LanguageClient.new()
	check_null(await client.request("x", null), "without a connection")
	check_eq(client.error_message, "the connection has ended", "which is said")
	var messages := ""
	for body: String in ["{\"id\":null,\"error\":{}}", "{\"id\":[],\"result\":1}", "{\"id\":99,\"result\":1}", "[]",
			"{\"id\":2,\"error\":\"no\"}"]:
		messages += "Content-Length: %d\r\n\r\n%s" % [body.length(), body]
	var done := [false]
	_answer(server, messages, done)
	check_eq(await client.connect_to_server(LOOPBACK, server.get_local_port()), OK, "connect")
	check_null(await client.request("x", null), "an answer that is an error")
	check_eq(client.error_message, "no", "the error")
	check_eq(client._answers, {}, "what nobody waits for is not kept")
	await _ended(done)


func test_answers_of_a_player_of_nobody() -> void:
	if lacks_uds():
		return
	var remote := MpvRemote.new()
	check_null(await remote.command(["x"]), "without a connection")
	check_eq(remote.outcome, "no answer", "which is said")
	var end := endpoint("uds")
	var done := [false]
	_answer(end.server, "[]\n{\"request_id\":[]}\n{\"request_id\":99,\"error\":\"success\"}\n{\"request_id\":2,\"data\":7}\n", done)
	check_eq(await remote.connect_to_path(end.path), OK, "connect")
	check_eq(await remote.command(["x"]), 7.0, "an answer without an outcome")
	check_eq(remote._answers, {}, "what nobody waits for is not kept")
	await _ended(done)


func _http(answer: String) -> HttpClient.Response:
	var server := _listening()
	var http := HttpClient.new()
	var done := [false]
	_answer(server, answer, done)
	check_eq(await http.connect_to_host(LOOPBACK, server.get_local_port()), OK, "connect")
	var response := await http.request("GET", "/")
	await _ended(done)
	return response


func _listening() -> TCPServer:
	var server := TCPServer.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	return server


# Sends `answer` to the first client of `server` once that has said something, and then ends the stream.
func _answer(server: RefCounted, answer: String, done: Array) -> void:
	var tree := Engine.get_main_loop() as SceneTree
	while not server.is_connection_available():
		if done[0]:
			return
		await tree.process_frame
	var peer: StreamPeer = server.take_connection()
	while peer.get_available_bytes() <= 0:
		if done[0]:
			return
		peer.poll()
		await tree.process_frame
	peer.get_partial_data(peer.get_available_bytes())
	var bytes := answer.to_ascii_buffer()
	var sent := 0
	while sent < bytes.size() and not done[0]:
		sent += peer.put_partial_data(bytes.slice(sent))[1]
		await tree.process_frame
	peer.disconnect_from_host()


# Lets the server go.
func _ended(done: Array) -> void:
	done[0] = true
	for i in 2:
		await (Engine.get_main_loop() as SceneTree).process_frame
