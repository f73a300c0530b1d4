extends SceneTree
## Runs the programs in `examples/` against hostile bytes: parts of messages in any order, cut off,
## endless, deeply nested, not UTF-8, huge numbers, also byte by byte. Arguments: the seed, and the
## number of connections. Prints every problem, and at the end "survived: " with the number of
## connections.

const ChatServer := preload("res://examples/chat_server.gd")
const HttpClient := preload("res://examples/http_client.gd")
const LanguageClient := preload("res://examples/language_client.gd")
const MpvRemote := preload("res://examples/mpv_remote.gd")
const RedisClient := preload("res://examples/redis_client.gd")
const System := preload("res://tests/support/system.gd")

const HTTP_WORDS := ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 99999999999999999999 X\r\n", "Content-Length: 3\r\n",
		"Content-Length: 99999999999999999999999\r\n", "Transfer-Encoding: chunked\r\n", "\r\n",
		"3\r\nabc\r\n", "0\r\n", "ffffffffffffffff\r\n", "-1\r\n", "a: ", "\n", "Connection: close\r\n",
		": \r\n"]
const REDIS_WORDS := ["+OK\r\n", "-ERR no\r\n", ":1\r\n", ":99999999999999999999999\r\n",
		"$3\r\nabc\r\n", "$-1\r\n", "$99999999999\r\n", "$-9223372036854775809\r\n", "*2\r\n", "*1\r\n",
		"*-1\r\n", "*1000000000\r\n", "\r\n", "\n", "$", "*", ":--1\r\n"]
const JSON_WORDS := ["{\"id\":1,\"result\":", "{\"request_id\":1,\"data\":", "{\"method\":7}",
		"{\"method\":\"x\",\"id\":[]}", "{\"event\":{}}", "1e99", "1e999", "\"\\u0000\"",
		"99999999999999999999999", "\"\\ud800\"", "[", "{", "}", "]", "null", "\n", "{\"id\":1e300}\n",
		"{\"id\":1,\"error\":[]}\n", "Content-Length: 2\r\n\r\n{}", "Content-Length: 99999999999\r\n\r\n",
		"Content-Length: 40\r\n\r\n", "\r\n\r\n", "Content-Length: 2\n\n[]"]
const CHAT_WORDS := ["Ann", "Bob", "\n", "\r\n", "a line", " ", "\t"]

## The longest acceptable frame in seconds of processor time.
const LONGEST_FRAME := 2.0

var _random := RandomNumberGenerator.new()
var _done := 0
var _writers := 0


func _initialize() -> void:
	_random.seed = OS.get_cmdline_user_args()[0].to_int()
	_run(OS.get_cmdline_user_args()[1].to_int())
	var before := [System.thread_usec()]
	process_frame.connect(func() -> void:
		var now := System.thread_usec()
		if now - before[0] > LONGEST_FRAME * 1e6:
			print("a frame of %d ms" % ((now - before[0]) / 1000.0))
		before[0] = now)


func _run(count: int) -> void:
	await process_frame
	var tests: Array[Callable] = [_http, _redis, _language, _mpv, _chat]
	for i in count:
		_one(tests[i % tests.size()])
		if i % 10 == 9:
			var started := i + 1
			while _done < started:
				await process_frame
	while _done < count or _writers > 0:
		await process_frame
	print("survived: ", _done)
	quit()


func _one(test: Callable) -> void:
	await test.call()
	_done += 1


func _http() -> void:
	var http := HttpClient.new()
	http.close()
	http.time_limit = 0.3
	var server := _listening()
	_send(server, _hostile(HTTP_WORDS))
	if await http.connect_to_host("127.0.0.1", server.get_local_port()) == OK:
		await http.request("GET", "/")
	http.close()


func _redis() -> void:
	var redis := RedisClient.new()
	redis.close()
	redis.put(["GET"])
	redis.time_limit = 0.3
	var server := _listening()
	_send(server, _hostile(REDIS_WORDS))
	if await redis.connect_to_server("127.0.0.1", server.get_local_port()) == OK:
		await redis.command(["GET", "x"])
		await redis.answer()
	redis.close()


func _language() -> void:
	var client := LanguageClient.new()
	client.close()
	client.time_limit = 0.3
	var server := _listening()
	_send(server, _hostile(JSON_WORDS))
	if await client.connect_to_server("127.0.0.1", server.get_local_port()) == OK:
		await client.request("x", null)
	client.close()


func _mpv() -> void:
	var remote := MpvRemote.new()
	remote.close()
	remote.time_limit = 0.3
	var server := UDSServerRs.new()
	var path := OS.get_temp_dir().path_join(System.unique_name())
	if server.listen(path) != OK:
		print(server.get_last_error_message())
		return
	_send(server, _hostile(JSON_WORDS))
	if await remote.connect_to_path(path) == OK:
		await remote.command(["x"])
	remote.close()
	server.stop()


func _chat() -> void:
	var node := ChatServer.new()
	node.port = 0
	root.add_child(node)
	for i in 3:
		var peer := StreamPeerTCPRs.new()
		peer.connect_to_host("127.0.0.1", node.server.get_local_port())
		await peer_connected(peer)
		await _write(peer, _hostile(CHAT_WORDS))
	node.free()


func peer_connected(peer: StreamPeerTCPRs) -> void:
	while peer.poll() == OK and peer.get_status() == StreamPeerTCPRs.STATUS_CONNECTING:
		await process_frame


func _listening() -> TCPServerRs:
	var server := TCPServerRs.new()
	if server.listen(0, "127.0.0.1") != OK:
		print(server.get_last_error_message())
	return server


# Sends `bytes` to the first client of `server`.
func _send(server: SocketServerRs, bytes: PackedByteArray) -> void:
	_writers += 1
	var end := Time.get_ticks_msec() + 5000
	while not server.is_connection_available() and Time.get_ticks_msec() < end:
		await process_frame
	if server.is_connection_available():
		await _write(server.call(&"take_connection"), bytes)
	else:
		print("no client has connected")
	_writers -= 1


func _write(peer: StreamPeerSocketRs, bytes: PackedByteArray) -> void:
	var one_by_one := bytes.size() < 100 and _random.randi() % 2 == 0
	var sent := 0
	while sent < bytes.size() and peer.get_status() == StreamPeerTCPRs.STATUS_CONNECTED:
		sent += peer.put_partial_data(bytes.slice(sent, sent + 1) if one_by_one else bytes.slice(sent))[1]
		await process_frame
	match _random.randi() % 3:
		0:
			peer.disconnect_from_host()
		1:
			peer.abort()
		2:
			# Stays connected for longer than the time limit of the other side.
			var end := Time.get_ticks_msec() + 500
			while (Time.get_ticks_msec() < end and peer.poll() == OK
					and peer.get_status() == StreamPeerTCPRs.STATUS_CONNECTED):
				peer.receive()
				await process_frame


func _hostile(words: Array) -> PackedByteArray:
	var bytes := PackedByteArray()
	for i in 1 + _random.randi() % 8:
		match _random.randi() % 12:
			0:
				# Not UTF-8.
				for k in _random.randi() % 2000:
					bytes.append(0x80 + _random.randi() % 0x80)
			1:
				for k in _random.randi() % 2000:
					bytes.append(_random.randi() % 256)
			2:
				var word: String = words[_random.randi() % words.size()]
				bytes.append_array(word.repeat(_random.randi() % 20_000).to_utf8_buffer())
			_:
				var word: String = words[_random.randi() % words.size()]
				bytes.append_array(word.to_utf8_buffer())
	return bytes.slice(0, _random.randi() % (bytes.size() + 1)) if _random.randi() % 4 == 0 else bytes
