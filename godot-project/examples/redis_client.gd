extends RefCounted
## A client for Redis and compatible servers, over TCP or a Unix domain socket. It speaks the
## protocol RESP 2.
##
## Several commands can be sent before the first answer is awaited. The answers arrive in the order
## of the commands.
## [codeblock]
## var redis := RedisClient.new()
## if await redis.connect_to_server("localhost") == OK:
##     await redis.command(["SET", "score", 42])
##     print((await redis.command(["GET", "score"])).get_string_from_utf8())
## [/codeblock]

## The most bytes of a line: an error, a status or a number.
const MAX_LINE_BYTES: int = 65536
## The most bytes of a value, which is Redis's own limit.
const MAX_VALUE_BYTES: int = 512 << 20
## How deep arrays may be nested.
const MAX_DEPTH: int = 32
## The most bytes to receive at once.
const PIECE: int = 1 << 20
## The microseconds of work after which the client lets the frame go on.
const WORK_USEC: int = 4000

## The time limit in seconds of a connect, and of each pause within an answer.
var time_limit: float = 10.0
## The error of the connection or of the last answer. [constant OK] if there is none.
var error: Error = OK
## A description of [member error].
var error_message: String = ""

var _peer: StreamPeerSocketRs
# The received bytes. The first `_used` of them have been used already.
var _received: PackedByteArray = PackedByteArray()
var _used: int = 0
var _work_end: int = 0


func connect_to_server(host: String, port: int = 6379) -> Error:
	var peer: StreamPeerTCPRs = StreamPeerTCPRs.new()
	_peer = peer
	return await _connected(peer.connect_to_host(host, port))


func connect_to_path(path: String) -> Error:
	var peer: StreamPeerUDSRs = StreamPeerUDSRs.new()
	_peer = peer
	return await _connected(peer.connect_to_host(path))


func close() -> void:
	if _peer != null:
		_peer.disconnect_from_host()


## Sends a command, whose words are strings, numbers or bytes. [method answer] waits for the answer.
func put(words: Array) -> void:
	var bytes: PackedByteArray = ("*%d\r\n" % words.size()).to_ascii_buffer()
	for word: Variant in words:
		var text: PackedByteArray = word if word is PackedByteArray else str(word).to_utf8_buffer()
		bytes.append_array(("$%d\r\n" % text.size()).to_ascii_buffer())
		bytes.append_array(text)
		bytes.append_array("\r\n".to_ascii_buffer())
	if _peer == null:
		_fail(ERR_CONNECTION_ERROR, "not connected")
	elif _peer.put_data(bytes) != OK:
		_fail(ERR_CONNECTION_ERROR, _peer.get_last_error_message())


## Sends a command, and waits for the answer.
func command(words: Array) -> Variant:
	put(words)
	return await answer()


## Waits for the next answer, or for the next message on a subscribed connection. Returns a
## [PackedByteArray], a number or an array of these. Null is a missing value, or an error if [member
## error] is set.
func answer() -> Variant:
	if error == ERR_CONNECTION_ERROR or _peer == null:
		return null
	error = OK
	error_message = ""
	return await _read(0)


func _connected(started: Error) -> Error:
	_received.clear()
	_used = 0
	error = started
	if error == OK:
		# With a write queue no command is sent in part, and a slow server does not block a frame.
		_peer.write_buffer_limit = 64 << 20
		_peer.auto_poll = true
		_peer.connect_timeout = time_limit
		error = await _peer.connect_finished
	error_message = _peer.get_last_error_message()
	return error


func _read(depth: int) -> Variant:
	if Time.get_ticks_usec() > _work_end:
		await _frame()
	var line: PackedByteArray = await _read_line()
	if line.is_empty():
		return (_fail(ERR_CONNECTION_ERROR, "malformed answer: an empty line")
				if error != ERR_CONNECTION_ERROR else null)
	# The engine's own function prints an error for each byte that is not valid UTF-8.
	var text: String = PacketPeerSocketRs.decode_text(line.slice(1))
	var value: Variant = null
	match char(line[0]):
		"+":
			value = line.slice(1)
		"-":
			_fail(FAILED, text)
		":" when _is_integer(text):
			value = text.to_int()
		"$" when _is_integer(text) and text.to_int() <= MAX_VALUE_BYTES:
			value = await _read_bytes(text.to_int())
		"*" when _is_integer(text) and depth < MAX_DEPTH:
			value = await _read_array(text.to_int(), depth)
		_:
			_fail(ERR_CONNECTION_ERROR, "malformed answer: " + text.left(100))
	return value


# Returns the next line without its line end. Empty after an error.
func _read_line() -> PackedByteArray:
	var looked: int = 0
	while true:
		var end: int = _received.find(0x0a, _used + looked)
		looked = (end if end >= 0 else _received.size()) - _used
		if looked > MAX_LINE_BYTES:
			_fail(ERR_CONNECTION_ERROR, "malformed answer: a line of more than %d bytes" % MAX_LINE_BYTES)
			break
		if end >= 0:
			# A line ends with a carriage return and a line feed.
			var line: PackedByteArray = _received.slice(_used, maxi(end - 1, _used))
			_used = end + 1
			return line
		if not await _receive():
			break
	return PackedByteArray()


func _read_bytes(count: int) -> Variant:
	if count < 0:
		return null
	while _received.size() - _used < count + 2:
		if not await _receive():
			return null
	var bytes: PackedByteArray = _received.slice(_used, _used + count)
	_used += count + 2
	return bytes


func _read_array(count: int, depth: int) -> Variant:
	if count < 0:
		return null
	var values: Array = []
	# Not `for` over `count`: a server may announce more values than it ever sends.
	while values.size() < count:
		values.append(await _read(depth + 1))
		if error == ERR_CONNECTION_ERROR:
			return null
	return values


# Waits for more bytes. Returns false after an error.
func _receive() -> bool:
	if _used > 0:
		# The used bytes are removed once per received piece. Removing each line would copy the rest
		# again and again.
		_received = _received.slice(_used)
		_used = 0
	var end: float = Time.get_ticks_msec() + time_limit * 1000
	while Time.get_ticks_msec() < end:
		var bytes: PackedByteArray = _peer.receive(PIECE)
		if not bytes.is_empty():
			_received.append_array(bytes)
			return true
		if _peer.get_last_error() != OK:
			_fail(ERR_CONNECTION_ERROR, "no answer: " + _peer.get_last_error_message())
			return false
		await _frame()
	_fail(ERR_CONNECTION_ERROR, "no answer in time")
	return false


# `to_int` prints an error for a number of more than 64 bits, so these are excluded.
func _is_integer(text: String) -> bool:
	var digits: String = text.lstrip("+-0")
	return (text.is_valid_int()
			and (digits.length() < 19 or digits.length() == 19 and digits <= "9223372036854775807"))


func _frame() -> void:
	await (Engine.get_main_loop() as SceneTree).process_frame
	_work_end = Time.get_ticks_usec() + WORK_USEC


# FAILED concerns one answer only. ERR_CONNECTION_ERROR ends the connection.
func _fail(code: Error, message: String) -> Variant:
	error = code
	error_message = message
	if code == ERR_CONNECTION_ERROR:
		close()
	return null
