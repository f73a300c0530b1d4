extends RefCounted
## The server of the chat. The first line of a client is its name. Each later line goes to all
## clients. `nc` can be a client.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Address := preload("res://demo/address.gd")

const MAX_LINE_BYTES: int = 1000

## Why the room is not open. Empty if it is.
var problem: String = ""
var server: SocketServerRs

var _group: StreamPeerSocketGroupRs = StreamPeerSocketGroupRs.new()
# The name of each client.
var _names: Dictionary = {}


## Listens at an address.
func open(address: Address) -> bool:
	problem = ""
	server = address.listen(func(why: String) -> void: problem = why)
	if server == null:
		return false
	var lines: PacketPeerSocketRs = PacketPeerSocketRs.new()
	lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	lines.max_packet_bytes = MAX_LINE_BYTES
	_group.accept_from(server, lines)
	_group.peer_packet_received.connect(_on_line)
	_group.peer_disconnected.connect(_on_left)
	_group.auto_poll = true
	return true


func close() -> void:
	if server != null:
		server.stop()
	for member: RefCounted in _group.get_members():
		if member is PacketPeerSocketRs:
			(member as PacketPeerSocketRs).stream.disconnect_from_host()
	_group.auto_poll = false
	_names.clear()


## The names of all clients.
func names() -> Array:
	return _names.values()


func _on_line(client: PacketPeerSocketRs, packet: PackedByteArray) -> void:
	var line: String = PacketPeerSocketRs.decode_text(packet).strip_edges()
	if client in _names:
		_tell("%s: %s" % [_names[client], line])
	elif line.is_empty():
		client.put_text("What is your name?")
	else:
		_names[client] = line
		_tell("* %s has joined" % line)


func _on_left(client: PacketPeerSocketRs, _error: int) -> void:
	if client in _names:
		var who: String = _names[client]
		_names.erase(client)
		_tell("* %s has left" % who)


func _tell(line: String) -> void:
	# A client that does not read has missed a line, and is disconnected.
	for client: PacketPeerSocketRs in _group.broadcast(line.to_utf8_buffer()):
		client.stream.abort()
