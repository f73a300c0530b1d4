extends RefCounted
## An HTTP/1.1 client over TCP, TLS or a Unix domain socket, such as a local daemon's. Requests follow each other on one connection.
## [codeblock]
## var http := HttpClient.new()
## if await http.connect_to_path("/run/docker.sock") == OK:
##     var response := await http.request("GET", "/version")
##     print(response.status, " ", response.body.get_string_from_utf8())
## [/codeblock]

## A line of a head may have so many bytes.
const MAX_LINE := 65536
## So many bytes are taken at once.
const PIECE := 1 << 20


## An answer.
class Response:
	## [constant OK], or why there is no answer, or not all of it.
	var error := OK
	var status := 0
	## By their names in lower case. Several of one name are joined by commas.
	var headers := {}
	var body := PackedByteArray()


## Seconds that the other side may be silent.
var time_limit := 10.0

var _peer: StreamPeerSocketRs
# What is read and written: the peer, or TLS over it.
var _stream: StreamPeer
var _host := ""
# What was received; of it the first bytes are used already.
var _received := PackedByteArray()
var _used := 0


## With [param tls] options, the connection is encrypted, and the certificate has to be one for [param host].
func connect_to_host(host: String, port := 80, tls: TLSOptions = null) -> Error:
	var peer := StreamPeerTCPRs.new()
	_begin(peer, host if port in [80, 443] else "%s:%d" % [host, port])
	var error := await _connected(peer.connect_to_host(host, port))
	if error == OK and tls != null:
		error = await _encrypt(host, tls)
	return error


func connect_to_path(path: String) -> Error:
	var peer := StreamPeerUDSRs.new()
	_begin(peer, "localhost")
	return await _connected(peer.connect_to_host(path))


func close() -> void:
	_peer.disconnect_from_host()
	_stream = null


## Sends a request and waits for the answer. [param on_piece] gets the body in pieces, as a [PackedByteArray] each, instead of the
## response having all of it.
func request(method: String, path: String, headers := {}, body := PackedByteArray(), on_piece := Callable()) -> Response:
	var head := "%s %s HTTP/1.1\r\nHost: %s\r\n" % [method, path, _host]
	for name: String in headers:
		head += "%s: %s\r\n" % [name, headers[name]]
	if not body.is_empty():
		head += "Content-Length: %d\r\n" % body.size()
	var response := Response.new()
	response.error = _put((head + "\r\n").to_utf8_buffer() + body)
	if response.error == OK:
		await _read_head(response)
	if response.error == OK and method != "HEAD" and response.status not in [204, 304]:
		var keep := func(piece: PackedByteArray) -> void: response.body.append_array(piece)
		await _read_body(response, on_piece if on_piece.is_valid() else keep)
	if response.error != OK or response.headers.get("connection", "") == "close":
		close()
	return response


func _begin(peer: StreamPeerSocketRs, host: String) -> void:
	_peer = peer
	_stream = peer
	_host = host
	_received.clear()
	_used = 0


func _connected(started: Error) -> Error:
	if started != OK:
		return started
	_peer.auto_poll = true
	_peer.connect_timeout = time_limit
	# For a request with a large body: it goes out while frames go on.
	_peer.write_buffer_limit = 64 << 20
	return await _peer.connect_finished


func _encrypt(host: String, options: TLSOptions) -> Error:
	var tls := StreamPeerTLS.new()
	_stream = tls
	var error := tls.connect_to_stream(_peer, host, options)
	var end := Time.get_ticks_msec() + time_limit * 1000
	while error == OK and tls.get_status() == StreamPeerTLS.STATUS_HANDSHAKING:
		tls.poll()
		if Time.get_ticks_msec() > end:
			error = ERR_TIMEOUT
		await _frame()
	if error == OK and tls.get_status() != StreamPeerTLS.STATUS_CONNECTED:
		error = ERR_CONNECTION_ERROR
	return error


func _put(bytes: PackedByteArray) -> Error:
	if _stream == null:
		return ERR_UNCONFIGURED
	var tls := _stream as StreamPeerTLS
	if tls != null:
		# It prints an error if it is written to after the other side has ended it.
		tls.poll()
		if tls.get_status() != StreamPeerTLS.STATUS_CONNECTED:
			return ERR_CONNECTION_ERROR
	return _stream.put_data(bytes)


func _read_head(response: Response) -> void:
	await _read_one_head(response)
	# Before the answer others may come that say that it will (RFC 9110, section 15.2). 101 is the last of its connection.
	while response.error == OK and response.status >= 100 and response.status < 200 and response.status != 101:
		response.headers = {}
		await _read_one_head(response)


func _read_one_head(response: Response) -> void:
	var line := await _read_line(response)
	var words := line.split(" ", false, 2)
	if response.error == OK and (words.size() < 2 or not words[0].begins_with("HTTP/1.") or not words[1].is_valid_int()):
		response.error = ERR_INVALID_DATA
	if response.error != OK:
		return
	response.status = words[1].to_int()
	line = await _read_line(response)
	while response.error == OK and not line.is_empty():
		var name := line.get_slice(":", 0).to_lower()
		var value := line.substr(name.length() + 1).strip_edges()
		response.headers[name] = response.headers[name] + ", " + value if response.headers.has(name) else value
		line = await _read_line(response)


func _read_body(response: Response, on_piece: Callable) -> void:
	if response.headers.get("transfer-encoding", "").to_lower() == "chunked":
		await _read_chunks(response, on_piece)
	elif response.headers.has("content-length"):
		var length: String = response.headers["content-length"]
		if not length.is_valid_int() or length.to_int() < 0:
			response.error = ERR_INVALID_DATA
			return
		await _read_bytes(response, length.to_int(), on_piece)
	else:
		# Up to the end of the stream.
		await _read_bytes(response, -1, on_piece)


func _read_chunks(response: Response, on_piece: Callable) -> void:
	var left := 1
	while left > 0 and response.error == OK:
		var line := await _read_line(response)
		var size := line.get_slice(";", 0).strip_edges()
		if response.error == OK and (not size.is_valid_hex_number() or size.length() > 15 or size.hex_to_int() < 0):
			response.error = ERR_INVALID_DATA
		if response.error != OK:
			return
		left = size.hex_to_int()
		await _read_bytes(response, left, on_piece)
		if left > 0:
			await _read_line(response)
	# What may follow the last one, up to an empty line.
	while response.error == OK and not (await _read_line(response)).is_empty():
		pass


func _read_bytes(response: Response, count: int, on_piece: Callable) -> void:
	while count != 0 and response.error == OK:
		if _used == _received.size():
			response.error = await _receive()
			if response.error == ERR_FILE_EOF and count < 0:
				response.error = OK
				return
			continue
		var there := _received.size() - _used
		var size := there if count < 0 else mini(count, there)
		var piece := _received.slice(_used, _used + size)
		_used += size
		on_piece.call(piece)
		if count > 0:
			count -= size


func _read_line(response: Response) -> String:
	var looked := 0
	while response.error == OK:
		var end := _received.find(0x0a, _used + looked)
		if end >= 0:
			var line := _received.slice(_used, end).get_string_from_utf8()
			_used = end + 1
			return line.trim_suffix("\r")
		looked = _received.size() - _used
		response.error = ERR_INVALID_DATA if looked > MAX_LINE else await _receive()
	return ""


# Waits for more.
func _receive() -> Error:
	# Once for each piece that comes, and not for each line of it: that would copy what is left again and again.
	_received = _received.slice(_used)
	_used = 0
	var end := Time.get_ticks_msec() + time_limit * 1000
	while true:
		_stream.poll()
		var got: Array = _stream.get_partial_data(PIECE)
		if not got[1].is_empty():
			_received.append_array(got[1])
			return OK
		if got[0] != OK:
			return got[0]
		if Time.get_ticks_msec() > end:
			return ERR_TIMEOUT
		await _frame()
	return FAILED


func _frame() -> void:
	await (Engine.get_main_loop() as SceneTree).process_frame
