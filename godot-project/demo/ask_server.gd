extends Node
## Sends one request to any server: connects, sends a line of text, and shows the answer.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

signal logged(text: String)
## [param problem] is empty if the server sent an answer.
signal finished(problem: String)

const CONNECT_LIMIT_SECONDS: float = 5.0
const ANSWER_LIMIT_SECONDS: int = 2
## The most bytes of an answer to show.
const ANSWER_LIMIT_BYTES: int = 64 * 1024

var _peer: StreamPeerSocketRs
var _unsent: PackedByteArray
var _line: PackedByteArray = PackedByteArray()
var _received_size: int = 0
var _is_connected: bool = false
var _deadline_msec: int = 0


func _ready() -> void:
	set_process(false)


func ask_tcp(host: String, port: int, text: String) -> void:
	var peer: StreamPeerTCPRs = StreamPeerTCPRs.new()
	_prepare(peer, "%s port %d" % [host, port], text)
	_begin(peer.connect_to_host(host, port))


func ask_uds(path: String, text: String) -> void:
	var peer: StreamPeerUDSRs = StreamPeerUDSRs.new()
	_prepare(peer, path, text)
	_begin(peer.connect_to_host(path))


func _prepare(peer: StreamPeerSocketRs, place: String, text: String) -> void:
	_peer = peer
	_peer.connect_timeout = CONNECT_LIMIT_SECONDS
	_unsent = (text + "\r\n").to_utf8_buffer()
	logged.emit("connecting to " + place)


## connect_to_host() only starts a connect. It refuses invalid arguments at once, such as a
## malformed name.
func _begin(error: Error) -> void:
	if error == OK:
		set_process(true)
	else:
		_finish(_peer.get_last_error_message())


func _process(_delta: float) -> void:
	_peer.poll()
	match _peer.get_status():
		StreamPeerSocketRs.STATUS_CONNECTED:
			_talk()
		StreamPeerSocketRs.STATUS_NONE:
			_finish("the server closed the connection"
					+ ("" if _received_size > 0 else " without an answer"))
		StreamPeerSocketRs.STATUS_ERROR:
			_finish(_peer.get_last_error_message())


func _talk() -> void:
	if not _is_connected:
		_is_connected = true
		_deadline_msec = Time.get_ticks_msec() + ANSWER_LIMIT_SECONDS * 1000
		logged.emit("connected; sending %d bytes" % _unsent.size())
	if not _unsent.is_empty():
		# The system may accept only a part. The rest is sent in the next frame.
		var sent: int = _peer.put_partial_data(_unsent)[1]
		_unsent = _unsent.slice(sent)
	var answer: PackedByteArray = _peer.get_partial_data(ANSWER_LIMIT_BYTES - _received_size)[1]
	_received_size += answer.size()
	_show(answer)
	if _received_size == ANSWER_LIMIT_BYTES:
		_finish("the rest of the answer is left out")
	elif Time.get_ticks_msec() > _deadline_msec:
		_finish("timed out: no answer within %d s" % ANSWER_LIMIT_SECONDS if _received_size == 0 else "")


## Shows each line once it is complete, since the bytes of a character such as "é" may arrive
## separately.
func _show(bytes: PackedByteArray) -> void:
	for byte: int in bytes:
		if byte == 0x0a:
			_show_line()
		else:
			_line.append(byte)


func _show_line() -> void:
	if not _line.is_empty() and _line[-1] == 0x0d:
		_line.resize(_line.size() - 1)
	logged.emit("< " + _readable(_line))
	_line.clear()


## Shows bytes that are not plain text in hexadecimal, since a terminal might interpret them as
## commands.
func _readable(line: PackedByteArray) -> String:
	for byte: int in line:
		if byte < 0x20 and byte != 0x09 or byte == 0x7f:
			return "(hex) " + line.hex_encode()
	return PacketPeerSocketRs.decode_text(line)


## An answer counts as a success, however the connection ended after it.
func _finish(how_it_ended: String) -> void:
	set_process(false)
	_peer.disconnect_from_host()
	if not _line.is_empty():
		_show_line()
	if _received_size == 0:
		finished.emit(how_it_ended)
		return
	if not how_it_ended.is_empty():
		logged.emit("(%s)" % how_it_ended)
	finished.emit("")
