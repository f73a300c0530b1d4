extends RefCounted
## One end of a connection, for the client and the server alike: sends a parcel and receives that of
## the other end.
##
## A parcel is a letter (a string, two numbers and a Variant) and a large blob. No call here waits:
## calls that could, such as get_u32() or put_data(), are made only when their bytes have arrived,
## or are few enough for the system's buffer. The blob is too large for that, so it is sent in
## parts, as much at a time as the system accepts.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

signal status_changed(side: String, from: StreamPeerSocketRs.Status, to: StreamPeerSocketRs.Status)

const CONNECTED: StreamPeerSocketRs.Status = StreamPeerSocketRs.STATUS_CONNECTED
## The most bytes of the blob that one call sends or receives.
const CHUNK_SIZE: int = 256 * 1024

## "client" or "server".
var side: String
var peer: StreamPeerSocketRs
## The parcel to send: "text", "number", "fraction", "thing" and "blob".
var parcel: Dictionary
## The received part of the other end's parcel. It is complete when [method is_done] returns true.
var received: Dictionary = {}
## The received and the expected size of the other end's blob.
var received_size: int = 0
var expected_size: int = -1
## The peer's status at the last check.
var status: StreamPeerSocketRs.Status = StreamPeerSocketRs.STATUS_NONE

var _letter_sent: bool = false
var _letter_size: int = -1
var _sent_size: int = 0


func _init(new_side: String, new_peer: StreamPeerSocketRs, new_parcel: Dictionary) -> void:
	side = new_side
	peer = new_peer
	parcel = new_parcel


## Sends and receives without waiting, and returns whether any bytes moved. To be called repeatedly
## in every frame.
func step() -> bool:
	notice_status()
	# Polling completes a connect, and notices that the other end has closed.
	peer.poll()
	notice_status()
	var sent: bool = status == CONNECTED and _send()
	# A failed call ends the connection, so the status shows every error. No other check is needed.
	return status == CONNECTED and _receive() or sent


## Whether this end has sent and received everything.
func is_done() -> bool:
	var blob: PackedByteArray = parcel["blob"]
	return _letter_sent and _sent_size == blob.size() and received_size == expected_size


## Emits [signal status_changed] if the status has changed.
func notice_status() -> void:
	var before: StreamPeerSocketRs.Status = status
	status = peer.get_status()
	if status != before:
		status_changed.emit(side, before, status)


func _send() -> bool:
	var blob: PackedByteArray = parcel["blob"]
	if not _letter_sent:
		_send_letter(blob.size())
		_letter_sent = true
		return true
	if _sent_size == blob.size():
		return false
	var result: Array = peer.put_partial_data(blob.slice(_sent_size, _sent_size + CHUNK_SIZE))
	var count: int = result[1]
	_sent_size += count
	return count > 0


## A stream has no message boundaries. The letter's size is sent first, so that the receiver knows
## when the letter is complete. Composing the letter in a buffer gives its size, and sends it with
## one call.
func _send_letter(blob_size: int) -> void:
	var letter: StreamPeerBuffer = StreamPeerBuffer.new()
	var text: String = parcel["text"]
	var number: int = parcel["number"]
	var fraction: float = parcel["fraction"]
	letter.put_utf8_string(text)
	letter.put_64(number)
	letter.put_double(fraction)
	letter.put_var(parcel["thing"])
	letter.put_u32(blob_size)
	peer.put_u32(letter.get_size())
	peer.put_data(letter.data_array)


func _receive() -> bool:
	if expected_size < 0:
		return _receive_letter()
	if received_size == expected_size:
		return false
	var result: Array = peer.get_partial_data(mini(CHUNK_SIZE, expected_size - received_size))
	var part: PackedByteArray = result[1]
	var blob: PackedByteArray = received["blob"]
	blob.append_array(part)
	received_size = blob.size()
	return not part.is_empty()


func _receive_letter() -> bool:
	if _letter_size < 0:
		if peer.get_available_bytes() < 4:
			return false
		_letter_size = peer.get_u32()
	if peer.get_available_bytes() < _letter_size:
		return false
	received["text"] = peer.get_utf8_string()
	received["number"] = peer.get_64()
	received["fraction"] = peer.get_double()
	received["thing"] = peer.get_var()
	received["blob"] = PackedByteArray()
	expected_size = peer.get_u32()
	return true
