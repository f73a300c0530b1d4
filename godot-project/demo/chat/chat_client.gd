extends RefCounted
## A client of the chat: sends its name first, then lines, and receives lines.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

signal received(line: String)
## Emitted when the connection has ended or failed. [param why] is the reason in words.
signal ended(why: String)

const Address := preload("res://demo/address.gd")

var _lines: PacketPeerSocketRs


## Joins the room at an address.
func join(address: Address, called: String) -> void:
	leave()
	var peer: StreamPeerSocketRs = address.new_peer()
	peer.auto_poll = true
	# With a write queue, lines can be sent while the peer still connects.
	peer.write_buffer_limit = 65536
	_lines = PacketPeerSocketRs.new()
	_lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	_lines.stream = peer
	_lines.packet_received.connect(_on_line)
	_lines.auto_poll = true
	peer.connect_finished.connect(_on_connect_finished)
	peer.disconnected.connect(_on_disconnected)
	if address.connect_peer(peer) == OK:
		_lines.put_text(called)
	else:
		ended.emit(peer.get_last_error_message())


func leave() -> void:
	if _lines != null:
		_lines.stream.disconnect_from_host()


func say(line: String) -> void:
	if _lines != null and _lines.put_text(line) != OK:
		ended.emit(_lines.get_last_error_message())


func _on_line(packet: PackedByteArray) -> void:
	received.emit(PacketPeerSocketRs.decode_text(packet))


func _on_connect_finished(error: Error) -> void:
	if error != OK:
		ended.emit(_lines.stream.get_last_error_message())


func _on_disconnected(error: Error) -> void:
	ended.emit("left" if error == OK else error_string(error))
