extends "res://tests/support/test_case.gd"
## Tests of the clients in `examples/` against servers that misbehave. tests/interop has the tests
## against real servers.

const EngineProcess := preload("res://tests/support/engine_process.gd")
const HttpClient := preload("res://examples/http_client.gd")
const LanguageClient := preload("res://examples/language_client.gd")
const MpvRemote := preload("res://examples/mpv_remote.gd")
const RedisClient := preload("res://examples/redis_client.gd")

const LONGEST_FRAME_USEC := 700_000

var _stop_measuring: Callable
# For servers that may run until the test is over.
var _done := [false]


func test_http_skips_interim_responses() -> void:
	var response := await _http("HTTP/1.1 100 Continue\r\n\r\n"
			+ "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
			+ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	check_eq([response.error, response.status], [OK, 200], "the answer")
	check_eq([response.headers, response.body.get_string_from_ascii()],
			[{"content-length": "2"}, "ok"], "headers and body")


func test_http_names_the_port_unless_it_is_that_of_the_scheme() -> void:
	for of: Array in [["a.example", 80, false, "a.example"], ["a.example", 443, true, "a.example"],
			["a.example", 443, false, "a.example:443"], ["a.example", 80, true, "a.example:80"],
			["::1", 80, false, "[::1]"], ["::1", 8080, false, "[::1]:8080"]]:
		check_eq(HttpClient._host_field(of[0], of[1], of[2]), of[3], "the field Host")


func test_http_states_the_length_of_an_empty_post() -> void:
	for method: String in ["POST", "GET"]:
		var server := _listening()
		var http := HttpClient.new()
		check_eq(await http.connect_to_host(LOOPBACK, server.get_local_port()), OK, "connect")
		await until(server.is_connection_available, "a client")
		var peer := server.take_connection()
		http.request(method, "/")
		await until(func() -> bool: return peer.get_available_bytes() > 0, "the request")
		var head := peer.get_utf8_string(peer.get_available_bytes())
		check_eq(head.contains("\r\nContent-Length: 0\r\n"), method == "POST", head)
		http.close()
		await _ended([false])


func test_http_reads_no_body_of_another_protocol() -> void:
	var response := await _http("HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\nnot HTTP")
	check_eq([response.error, response.status, response.body.size()], [OK, 101, 0], "the answer")


func test_http_refuses_malformed_lengths() -> void:
	for length: String in ["Content-Length: -1\r\n\r\nxx", "Content-Length: two\r\n\r\nxx",
			"Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n0\r\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\n-2\r\nxx\r\n0\r\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\n\r\nxx\r\n0\r\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nxx"]:
		var response := await _http("HTTP/1.1 200 OK\r\n" + length)
		check_eq(response.error, ERR_INVALID_DATA, length.c_escape())


func test_http_joins_many_small_chunks() -> void:
	var chunks := "1\r\nx\r\n".repeat(30_000)
	var response := await _http("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
			+ "0\r\n\r\n")
	check_eq([response.error, response.body.size(), response.body.count(0x78)], [OK, 30_000, 30_000],
			"the body")


func test_redis_survives_an_announced_array_that_never_arrives() -> void:
	var server := _listening()
	var redis := RedisClient.new()
	var done := [false]
	_answer(server, "*1000000000\r\n:1\r\n", done)
	check_eq(await redis.connect_to_server(LOOPBACK, server.get_local_port()), OK, "connect")
	check_null(await redis.command(["KEYS", "*"]), "the answer")
	check_eq(redis.error, ERR_CONNECTION_ERROR, "the error")
	await _ended(done)


func test_language_client_ignores_answers_without_a_request() -> void:
	var server := _listening()
	var client := LanguageClient.new()
	check_null(await client.request("x", null), "without a connection")
	check_eq(client.error_message, "the connection has ended", "the error message")
	var messages := ""
	for body: String in ["{\"id\":null,\"error\":{}}", "{\"id\":[],\"result\":1}",
			"{\"id\":99,\"result\":1}", "[]", "{\"id\":2,\"error\":\"no\"}"]:
		messages += "Content-Length: %d\r\n\r\n%s" % [body.length(), body]
	var done := [false]
	_answer(server, messages, done)
	check_eq(await client.connect_to_server(LOOPBACK, server.get_local_port()), OK, "connect")
	check_null(await client.request("x", null), "an answer that is an error")
	check_eq(client.error_message, "no", "the error")
	check_eq(client._answers, {}, "answers without a request are not kept")
	await _ended(done)


func test_mpv_remote_ignores_answers_without_a_command() -> void:
	if lacks_uds():
		return
	var remote := MpvRemote.new()
	check_null(await remote.command(["x"]), "without a connection")
	check_eq(remote.outcome, "no answer", "the error message")
	var end := endpoint("uds")
	var done := [false]
	_answer(end.server, "[]\n{\"request_id\":[]}\n{\"request_id\":99,\"error\":\"success\"}\n"
			+ "{\"request_id\":2,\"data\":7}\n", done)
	check_eq(await remote.connect_to_path(end.path), OK, "connect")
	check_eq(await remote.command(["x"]), 7, "an answer without an outcome")
	check_eq(remote._answers, {}, "answers without a request are not kept")
	await _ended(done)


func test_language_client_decodes_the_longest_messages_within_a_frame() -> void:
	var server := _listening()
	var client := LanguageClient.new()
	var zeros := _zeros(LanguageClient.MAX_MESSAGE_BYTES)
	var messages := "Content-Length: %d\r\n\r\n%s" % [zeros.length(), zeros]
	messages += "Content-Length: 19\r\n\r\n{\"id\":1,\"result\":7}"
	check_eq(await client.connect_to_server(LOOPBACK, server.get_local_port()), OK, "connect")
	var longest := _longest_frame()
	_answer(server, messages, _done)
	check_eq(await client.request("x", null), 7, "the answer after a long message")
	_check_frames(longest, "a long message")


func test_mpv_remote_decodes_the_longest_messages_within_a_frame() -> void:
	if lacks_uds():
		return
	var end := endpoint("uds")
	var remote := MpvRemote.new()
	var messages := _zeros(MpvRemote.MAX_MESSAGE_BYTES) + "\n{\"request_id\":1,\"data\":7}\n"
	check_eq(await remote.connect_to_path(end.path), OK, "connect")
	var longest := _longest_frame()
	_answer(end.server, messages, _done)
	check_eq(await remote.command(["x"]), 7, "the answer after a long message")
	_check_frames(longest, "a long message")


func test_http_body_without_a_length_ends_with_the_stream() -> void:
	for body: String in ["", "x", "all of it".repeat(20_000)]:
		var response := await _http("HTTP/1.1 200 OK\r\n\r\n" + body)
		check_eq([response.error, response.status], [OK, 200], "the response")
		check(response.body.get_string_from_ascii() == body,
				"%d bytes of %d" % [response.body.size(), body.length()])
	var response := await _http("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
	check_eq(response.error, ERR_FILE_EOF, "a body that is cut off")


func test_http_limits_the_size_of_heads() -> void:
	var endless := {
		"one field": "HTTP/1.1 200 OK\r\na: " + "x".repeat(200_000),
		"one field again and again": "HTTP/1.1 200 OK\r\n" + "a:x\r\n".repeat(1_500_000),
		"fields": "HTTP/1.1 200 OK\r\n" + _numbered("f%d:\r\n", 5000),
		"interim responses": "HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000),
		"trailers": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
		+ "a:x\r\n".repeat(100_000),
		"the size of a chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"
		+ "x".repeat(200_000),
	}
	for what: String in endless:
		var longest := _longest_frame()
		var response := await _http(endless[what])
		check_eq(response.error, ERR_INVALID_DATA, what)
		_check_frames(longest, what)


func test_http_limits_the_size_of_bodies() -> void:
	var server := _listening()
	var http := HttpClient.new()
	http.max_body_bytes = 1000
	var done := [false]
	_answer(server, "HTTP/1.1 200 OK\r\n\r\n" + "x".repeat(100_000), done)
	check_eq(await http.connect_to_host(LOOPBACK, server.get_local_port()), OK, "connect")
	check_eq((await http.request("GET", "/")).error, ERR_INVALID_DATA, "a body that is too long")
	await _ended(done)


func test_http_spreads_many_chunks_over_frames() -> void:
	var longest := _longest_frame()
	var response := await _http("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			+ "1\r\nx\r\n".repeat(300_000) + "0\r\n\r\n")
	check_eq([response.error, response.body.size()], [OK, 300_000], "the body")
	_check_frames(longest, "300,000 chunks")


func test_redis_spreads_many_nulls_over_frames() -> void:
	var longest := _longest_frame()
	var redis := await _redis("*200000\r\n" + "$-1\r\n".repeat(200_000))
	var values: Variant = await redis.answer()
	check_eq([redis.error, redis.error_message], [OK, ""], "the error")
	check(values is Array and values.size() == 200_000 and values.count(null) == 200_000, "the nulls")
	_check_frames(longest, "200,000 nulls")


func test_redis_refuses_malformed_and_oversized_answers() -> void:
	for answer: String in ["*1\r\n".repeat(100_000), "+" + "x".repeat(200_000), "$99999999999\r\n",
			":99999999999999999999\r\n",
			":9223372036854775808\r\n", ":x\r\n", "*x\r\n", "$\r\n", "\r\n", "\n", "x\r\n", "$3\r\nab"]:
		var longest := _longest_frame()
		var redis := await _redis(answer)
		check_null(await redis.answer(), answer.left(20).c_escape())
		check_eq(redis.error, ERR_CONNECTION_ERROR, answer.left(20).c_escape())
		check(not redis.error_message.is_empty(), "why")
		check_null(await redis.answer(), "no further answer")
		_check_frames(longest, answer.left(20).c_escape())
	for number: int in [0, -7, 9223372036854775807]:
		var redis := await _redis(":%d\r\n" % number)
		check_eq(await redis.answer(), number, "a number")


func test_redis_reads_a_value_that_arrives_byte_by_byte() -> void:
	var server := _listening()
	var redis := RedisClient.new()
	var done := [false]
	_answer(server, "*2\r\n$5\r\na\r\nbc\r\n*1\r\n:7\r\n", done, 1)
	check_eq(await redis.connect_to_server(LOOPBACK, server.get_local_port()), OK, "connect")
	check_eq(await redis.command(["x"]), ["a\r\nbc".to_ascii_buffer(), [7]], "the answer")
	await _ended(done)


func test_clients_can_be_closed_and_called_before_a_connect() -> void:
	for client: RefCounted in [HttpClient.new(), LanguageClient.new(), MpvRemote.new(),
			RedisClient.new()]:
		client.call(&"close")
	var redis := RedisClient.new()
	check_null(await redis.command(["x"]), "a command without a connection")
	check_eq(redis.error, ERR_CONNECTION_ERROR, "the error")
	check_eq((await HttpClient.new().request("GET", "/")).error, ERR_UNCONFIGURED,
			"a request without a connection")


func test_clients_survive_random_bytes() -> void:
	if not EngineProcess.available():
		return skip("a second engine cannot be run here")
	for chance: int in [1, 2]:
		var run := EngineProcess.run("children/hostile_bytes.gd", [str(chance), "100"])
		var lines: PackedStringArray = run.output.strip_edges().split("\n")
		var is_well := lines[-1] == "survived: 100"
		for problem: String in ["rror", "a frame of", "no client"]:
			is_well = is_well and not run.output.contains(problem)
		check(is_well, "seed %d: %s" % [chance, run.output.right(2000)])


# Starts to measure frames. The array's only element is the longest one so far, in microseconds of
# processor time.
func _longest_frame() -> Array[int]:
	var longest: Array[int] = [0]
	var before := [System.thread_usec()]
	var tree := Engine.get_main_loop() as SceneTree
	var measure := func() -> void:
		var now := System.thread_usec()
		longest[0] = maxi(longest[0], now - before[0])
		before[0] = now
	tree.process_frame.connect(measure)
	_stop_measuring = tree.process_frame.disconnect.bind(measure)
	return longest


# The bound is the time of many frames, since machines differ. Work in a single frame would take a
# second or more.
func _check_frames(longest: Array[int], what: String) -> void:
	_stop_measuring.call()
	check(longest[0] < LONGEST_FRAME_USEC, "%s: a frame of %d ms" % [what, longest[0] / 1000.0])


# An array of zeros in JSON of almost `bytes`: as many values as fit.
func _zeros(bytes: int) -> String:
	return "[" + "0,".repeat((bytes - 8) / 2) + "0]"


func _numbered(text: String, count: int) -> String:
	var lines := PackedStringArray()
	for i in count:
		lines.append(text % i)
	return "".join(lines)


# A client that has sent a command. Its server sends `answers` as soon as it receives anything.
func _redis(answers: String) -> RedisClient:
	var server := _listening()
	var redis := RedisClient.new()
	_answer(server, answers, _done)
	check_eq(await redis.connect_to_server(LOOPBACK, server.get_local_port()), OK, "connect")
	redis.put(["x"])
	return redis


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


# Waits until the first client of `server` has sent something, sends it `answer`, and ends the
# stream.
func _answer(server: RefCounted, answer: String, done: Array, most := 1 << 30) -> void:
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
	while sent < bytes.size() and not done[0] and peer.get_status() == STATUS_CONNECTED:
		sent += peer.put_partial_data(bytes.slice(sent, sent + mini(most, 1 << 20)))[1]
		await tree.process_frame
		peer.poll()
	peer.disconnect_from_host()


# Stops the server of `_answer`.
func _ended(done: Array) -> void:
	done[0] = true
	for i in 2:
		await (Engine.get_main_loop() as SceneTree).process_frame
