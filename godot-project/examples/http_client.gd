extends RefCounted
## An HTTP/1.1 client over TCP, TLS or a Unix domain socket, such as a local daemon's. Requests
## follow each other on one connection.
## [codeblock]
## var http := HttpClient.new()
## if await http.connect_to_path("/run/docker.sock") == OK:
##     var response := await http.request("GET", "/version")
##     print(response.status, " ", response.body.get_string_from_utf8())
## [/codeblock]
## The limits hold for each response: a server that exceeds one gets [constant ERR_INVALID_DATA],
## and is disconnected.

## The most bytes of a response head, or of the trailers after a chunked body.
const MAX_HEAD_BYTES: int = 65536
## The most header fields in a head.
const MAX_FIELDS: int = 200
## The most interim responses, such as 100 Continue, before the final one.
const MAX_INTERIM: int = 20
## The most bytes to receive at once.
const PIECE: int = 1 << 20
## The microseconds of work after which the client lets the frame go on.
const WORK_USEC: int = 4000

## The seconds that the server may be silent.
var time_limit: float = 10.0
## The most bytes of a body that the client keeps in memory.
var max_body_bytes: int = 256 << 20

var _peer: StreamPeerSocketRs
# TLS over the peer, or null.
var _tls: StreamPeerTLS
var _host: String = ""
# Why the connection ended. OK while it lasts.
var _end: Error = OK
# The received bytes. The first `_used` of them have been used already.
var _received: PackedByteArray = PackedByteArray()
var _used: int = 0
# How many more bytes the lines of this head may have.
var _head_left: int = 0
var _work_end: int = 0


## A response.
class Response:
	## [constant OK], or why the response is missing or incomplete.
	var error: Error = OK
	var status: int = 0
	## The values by field name, in lower case. Several values of one name are joined by commas.
	var headers: Dictionary = {}
	var body: PackedByteArray = PackedByteArray()


## With [param tls] options, the connection is encrypted, and the certificate has to be one for
## [param host].
func connect_to_host(host: String, port: int = 80, tls: TLSOptions = null) -> Error:
	var peer: StreamPeerTCPRs = StreamPeerTCPRs.new()
	_begin(peer, _host_field(host, port, tls != null))
	var error: Error = await _connected(peer.connect_to_host(host, port))
	if error == OK and tls != null:
		error = await _encrypt(host, tls)
	return error


func connect_to_path(path: String) -> Error:
	var peer: StreamPeerUDSRs = StreamPeerUDSRs.new()
	_begin(peer, "localhost")
	return await _connected(peer.connect_to_host(path))


func close() -> void:
	if _peer != null:
		_peer.disconnect_from_host()
	_peer = null


## Sends a request and waits for the response. If [param on_piece] is given, it is called with each
## piece of the body, a [PackedByteArray], and [member Response.body] stays empty.
func request(method: String, path: String, headers: Dictionary = {},
		body: PackedByteArray = PackedByteArray(), on_piece: Callable = Callable()) -> Response:
	var head: String = "%s %s HTTP/1.1\r\nHost: %s\r\n" % [method, path, _host]
	for name: String in headers:
		head += "%s: %s\r\n" % [name, headers[name]]
	# An empty body is stated where one is expected (RFC 9110, section 8.6).
	if not body.is_empty() or method in ["POST", "PUT", "PATCH"]:
		head += "Content-Length: %d\r\n" % body.size()
	var response: Response = Response.new()
	response.error = _put((head + "\r\n").to_utf8_buffer() + body)
	if response.error == OK:
		await _read_head(response)
	if response.error == OK and method != "HEAD" and response.status not in [101, 204, 304]:
		var keep: Callable = func(piece: PackedByteArray) -> void:
			response.body.append_array(piece)
			if response.body.size() > max_body_bytes:
				response.error = ERR_INVALID_DATA
		await _read_body(response, on_piece if on_piece.is_valid() else keep)
	if (response.error != OK or response.status == 101
			or _field(response, "connection").to_lower() == "close"):
		close()
	return response


# The header field Host, without the port if it is the default one of http or https (RFC 9110,
# section 7.2). An IPv6 address is in brackets.
static func _host_field(host: String, port: int, is_encrypted: bool) -> String:
	var name: String = "[%s]" % host if host.contains(":") else host
	return name if port == (443 if is_encrypted else 80) else "%s:%d" % [name, port]


func _begin(peer: StreamPeerSocketRs, host: String) -> void:
	_peer = peer
	_end = OK
	_tls = null
	_host = host
	_received.clear()
	_used = 0


func _connected(started: Error) -> Error:
	if started != OK:
		return started
	var _connection: int = _peer.disconnected.connect(_on_disconnected)
	_peer.auto_poll = true
	_peer.connect_timeout = time_limit
	# A large request body is sent in the background, over several frames.
	_peer.write_buffer_limit = 64 << 20
	return await _peer.connect_finished


func _on_disconnected(error: Error) -> void:
	_end = error if error != OK else ERR_SKIP


func _encrypt(host: String, options: TLSOptions) -> Error:
	_tls = StreamPeerTLS.new()
	var error: Error = _tls.connect_to_stream(_peer, host, options)
	var end: float = Time.get_ticks_msec() + time_limit * 1000
	while error == OK and _tls.get_status() == StreamPeerTLS.STATUS_HANDSHAKING:
		_tls.poll()
		if Time.get_ticks_msec() > end:
			error = ERR_TIMEOUT
		await _frame()
	if error == OK and _tls.get_status() != StreamPeerTLS.STATUS_CONNECTED:
		error = ERR_CONNECTION_ERROR
	return error


func _put(bytes: PackedByteArray) -> Error:
	if _peer == null:
		return ERR_UNCONFIGURED
	if _tls == null:
		return _peer.put_data(bytes)
	# StreamPeerTLS prints an error if it is written to after the server has closed it.
	_tls.poll()
	return (_tls.put_data(bytes) if _tls.get_status() == StreamPeerTLS.STATUS_CONNECTED
			else ERR_CONNECTION_ERROR)


func _read_head(response: Response) -> void:
	# Interim responses may precede the response (RFC 9110, section 15.2). After 101 the connection
	# no longer speaks HTTP.
	for i: int in MAX_INTERIM + 1:
		response.headers = {}
		_head_left = MAX_HEAD_BYTES
		var words: PackedStringArray = (await _read_line(response)).split(" ", false, 2)
		if response.error != OK:
			return
		if (words.size() < 2 or not words[0].begins_with("HTTP/1.") or words[1].length() != 3
				or not words[1].is_valid_int()):
			response.error = ERR_INVALID_DATA
			return
		response.status = words[1].to_int()
		await _read_fields(response, response.headers)
		if response.status < 100 or response.status >= 200 or response.status == 101:
			return
	if response.error == OK:
		response.error = ERR_INVALID_DATA


func _read_fields(response: Response, fields: Dictionary) -> void:
	for i: int in MAX_FIELDS + 1:
		var line: String = await _read_line(response)
		if response.error != OK or line.is_empty():
			return
		var name: String = line.get_slice(":", 0).to_lower()
		var value: String = line.substr(name.length() + 1).strip_edges()
		fields[name] = "%s, %s" % [fields[name], value] if fields.has(name) else value
	response.error = ERR_INVALID_DATA


func _read_body(response: Response, on_piece: Callable) -> void:
	var length: String = _field(response, "content-length")
	if _field(response, "transfer-encoding").to_lower() == "chunked":
		await _read_chunks(response, on_piece)
	elif not response.headers.has("content-length"):
		# The body ends with the stream, and so does the connection.
		await _read_bytes(response, -1, on_piece)
		close()
	elif length.is_valid_int() and length.length() <= 15 and length.to_int() >= 0:
		await _read_bytes(response, length.to_int(), on_piece)
	else:
		response.error = ERR_INVALID_DATA


func _read_chunks(response: Response, on_piece: Callable) -> void:
	var left: int = 1
	while left > 0:
		_head_left = MAX_HEAD_BYTES
		var size: String = (await _read_line(response)).get_slice(";", 0).strip_edges()
		if (response.error == OK
				and (not size.is_valid_hex_number() or size.length() > 15 or size.hex_to_int() < 0)):
			response.error = ERR_INVALID_DATA
		if response.error != OK:
			return
		left = size.hex_to_int()
		await _read_bytes(response, left, on_piece)
		if left > 0 and not (await _read_line(response)).is_empty():
			response.error = ERR_INVALID_DATA
	# More fields may follow the last chunk.
	if response.error == OK:
		await _read_fields(response, {})


func _read_bytes(response: Response, count: int, on_piece: Callable) -> void:
	while count != 0 and response.error == OK:
		if _used == _received.size():
			response.error = await _receive()
			if response.error == ERR_FILE_EOF and count < 0:
				response.error = OK
				return
			continue
		var there: int = _received.size() - _used
		var size: int = there if count < 0 else mini(count, there)
		var piece: PackedByteArray = _received.slice(_used, _used + size)
		_used += size
		on_piece.call(piece)
		if count > 0:
			count -= size
		await _share_frame()


func _read_line(response: Response) -> String:
	var looked: int = 0
	while response.error == OK:
		var end: int = _received.find(0x0a, _used + looked)
		looked = (end if end >= 0 else _received.size()) - _used
		if looked > _head_left:
			response.error = ERR_INVALID_DATA
		elif end >= 0:
			# The engine's own function prints an error for each byte that is not valid UTF-8.
			var line: String = PacketPeerSocketRs.decode_text(_received.slice(_used, end))
			_used = end + 1
			_head_left -= looked
			await _share_frame()
			return line.trim_suffix("\r")
		else:
			response.error = await _receive()
	return ""


# Waits for more bytes. ERR_FILE_EOF at the end of the stream.
func _receive() -> Error:
	if _used > 0:
		# The used bytes are removed once per received piece. Removing each line would copy the rest
		# again and again.
		_received = _received.slice(_used)
		_used = 0
	var end: float = Time.get_ticks_msec() + time_limit * 1000
	while _peer != null:
		var bytes: PackedByteArray = PackedByteArray()
		var error: Error = OK
		if _tls == null:
			bytes = _peer.receive(PIECE)
			error = _end if _end != OK else _peer.get_last_error()
		else:
			_tls.poll()
			match _tls.get_status():
				StreamPeerTLS.STATUS_CONNECTED:
					bytes = _tls.get_partial_data(PIECE)[1]
				StreamPeerTLS.STATUS_DISCONNECTED:
					error = ERR_FILE_EOF
				_:
					error = ERR_CONNECTION_ERROR
		if not bytes.is_empty():
			_received.append_array(bytes)
			return OK
		if error != OK:
			return error
		if Time.get_ticks_msec() > end:
			return ERR_TIMEOUT
		await _frame()
	return ERR_SKIP


func _field(response: Response, name: String) -> String:
	return response.headers.get(name, "")


# Waits for the next frame if this client has used its share of this one.
func _share_frame() -> void:
	if Time.get_ticks_usec() > _work_end:
		await _frame()


func _frame() -> void:
	await (Engine.get_main_loop() as SceneTree).process_frame
	_work_end = Time.get_ticks_usec() + WORK_USEC
