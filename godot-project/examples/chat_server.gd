extends Node
## A chat server. Any program that sends lines can be a client, such as `nc localhost 4000`. The
## first line of a client is its name. Each later line goes to all other clients.

## Longer names are refused.
const MAX_NAME_BYTES: int = 40
## The most lines of one client in one frame. Further ones wait, and slow down their sender. Each
## line goes to all clients, so a frame in which all of them send does much work.
const LINES_PER_FRAME: int = 1

@export var port: int = 4000
## Further clients are refused.
@export var max_clients: int = 100
## A client that sends a longer line is disconnected.
@export var max_line_bytes: int = 1000

var server: TCPServerRs = TCPServerRs.new()
var group: StreamPeerSocketGroupRs = StreamPeerSocketGroupRs.new()
# The name of each client.
var names: Dictionary = {}
# The clients without a name, to which nothing is sent yet.
var nameless: Array[PacketPeerSocketRs] = []


func _ready() -> void:
	var lines: PacketPeerSocketRs = PacketPeerSocketRs.new()
	lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	# The limit also holds for sent packets. The longest one is a line with a name in front of it,
	# or the list of all names.
	lines.max_packet_bytes = max_line_bytes + (max_clients + 2) * (MAX_NAME_BYTES + 2)
	if server.listen(port) != OK:
		push_error(server.get_last_error_message())
		return
	group.max_members = max_clients
	group.max_packets_per_poll = LINES_PER_FRAME
	var failed: int = group.accept_from(server, lines)
	failed += group.peer_connected.connect(_on_joined)
	failed += group.peer_packet_received.connect(_on_line)
	failed += group.peer_disconnected.connect(_on_left)
	assert(failed == OK)
	group.auto_poll = true


func _on_joined(client: PacketPeerSocketRs) -> void:
	nameless.append(client)


func _on_line(client: PacketPeerSocketRs, packet: PackedByteArray) -> void:
	if packet.size() > max_line_bytes:
		client.stream.disconnect_from_host()
		return
	# The engine's own function prints an error for each byte that is not valid UTF-8.
	var line: String = PacketPeerSocketRs.decode_text(packet).strip_edges()
	if client in names:
		_broadcast("%s: %s" % [names[client], line], client)
	elif line.is_empty() or line.to_utf8_buffer().size() > MAX_NAME_BYTES or line in names.values():
		_answer(client, "Another name, please.")
	else:
		names[client] = line
		nameless.erase(client)
		_answer(client, "Hello, %s. Here: %s." % [line, ", ".join(PackedStringArray(names.values()))])
		_broadcast("%s has joined." % line, client)


func _on_left(client: PacketPeerSocketRs, _error: int) -> void:
	nameless.erase(client)
	if names.has(client):
		var left: String = names[client]
		var _erased: bool = names.erase(client)
		_broadcast("%s has left." % left, client)


func _answer(client: PacketPeerSocketRs, line: String) -> void:
	# A client that does not read misses the line.
	var _error: Error = client.put_text(line)


func _broadcast(line: String, except: PacketPeerSocketRs) -> void:
	var _slow: Array = group.broadcast(line.to_utf8_buffer(), [except] + nameless)
