extends RefCounted
## A client for Redis and its kin, over TCP or a Unix domain socket, in its protocol RESP 2.
##
## Commands can be put one after the other before the first answer is awaited: the answers come in their order.
## [codeblock]
## var redis := RedisClient.new()
## if await redis.connect_to_server("localhost") == OK:
##     await redis.command(["SET", "score", 42])
##     print((await redis.command(["GET", "score"])).get_string_from_utf8())
## [/codeblock]

const SocketAwait := preload("res://addons/stream_peer_socket_rs/socket_await.gd")

## Seconds that a connect, or an answer, may take.
var time_limit := 10.0
## What has gone wrong: of the connection, or in the last answer. [constant OK] if nothing has.
var error := OK
## The same in words.
var error_message := ""

var _peer: StreamPeerSocketRs


func connect_to_server(host: String, port := 6379) -> Error:
	var peer := StreamPeerTCPRs.new()
	_peer = peer
	return await _connected(peer.connect_to_host(host, port))


func connect_to_path(path: String) -> Error:
	var peer := StreamPeerUDSRs.new()
	_peer = peer
	return await _connected(peer.connect_to_host(path))


func close() -> void:
	_peer.disconnect_from_host()


## Sends a command. Its words are texts, numbers, or bytes. The answer is [method answer]'s.
func put(words: Array) -> void:
	var bytes := ("*%d\r\n" % words.size()).to_ascii_buffer()
	for word: Variant in words:
		var text: PackedByteArray = word if word is PackedByteArray else str(word).to_utf8_buffer()
		bytes.append_array(("$%d\r\n" % text.size()).to_ascii_buffer())
		bytes.append_array(text)
		bytes.append_array("\r\n".to_ascii_buffer())
	var put_error := _peer.put_data(bytes)
	if put_error != OK:
		_fail(ERR_CONNECTION_ERROR, _peer.get_last_error_message())


## Sends a command, and waits for the answer.
func command(words: Array) -> Variant:
	put(words)
	return await answer()


## Waits for the next answer, or the next message on a connection that subscribes: a [PackedByteArray], a number, an array of
## these, or null, which is no value, or an error if [member error] says so.
func answer() -> Variant:
	if error != ERR_CONNECTION_ERROR:
		error = OK
		error_message = ""
	return await _read()


func _connected(started: Error) -> Error:
	error = started
	if error == OK:
		# Nothing is put away half, and a slow server holds up no frame.
		_peer.write_buffer_limit = 64 << 20
		_peer.auto_poll = true
		_peer.connect_timeout = time_limit
		error = await _peer.connect_finished
	error_message = _peer.get_last_error_message()
	return error


func _read() -> Variant:
	var line := await SocketAwait.line(_peer, time_limit)
	if line.error != OK:
		return _fail(ERR_CONNECTION_ERROR, "no answer: " + error_string(line.error))
	var text := line.text()
	var rest := text.substr(1)
	match text.left(1):
		"+":
			return rest.to_utf8_buffer()
		"-":
			return _fail(FAILED, rest)
		":":
			return rest.to_int()
		"$":
			return await _read_bytes(rest.to_int())
		"*":
			return await _read_array(rest.to_int())
	return _fail(ERR_CONNECTION_ERROR, "this is no answer: " + text)


func _read_bytes(count: int) -> Variant:
	if count < 0:
		return null
	var bytes := await SocketAwait.bytes(_peer, count + 2, time_limit)
	if bytes.error != OK:
		return _fail(ERR_CONNECTION_ERROR, "half an answer: " + error_string(bytes.error))
	return bytes.data.slice(0, count)


func _read_array(count: int) -> Variant:
	if count < 0:
		return null
	var values := []
	for i in count:
		values.append(await _read())
		# Without a connection there are no more, however many were announced.
		if error == ERR_CONNECTION_ERROR:
			return null
	return values


# An error in an answer concerns that answer; one of the connection is the last thing that there is.
func _fail(code: Error, message: String) -> Variant:
	error = code
	error_message = message
	if code == ERR_CONNECTION_ERROR:
		_peer.disconnect_from_host()
	return null
