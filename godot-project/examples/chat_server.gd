extends Node
## A chat server. A client is anything that sends lines, such as `nc localhost 4000`: the first line is its name, and each line after
## that goes to all the others.

@export var port := 4000
## Who is more is turned away.
@export var max_clients := 100
## A longer line ends its connection.
@export var max_line_bytes := 1000

## A longer name is none.
const MAX_NAME_BYTES := 40

var server := TCPServerRs.new()
var group := StreamPeerSocketGroupRs.new()
# The names, by the clients.
var names := {}


func _ready() -> void:
	var lines := PacketPeerSocketRs.new()
	lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	# It holds for what is sent too: a line with its name before it, and all names.
	lines.max_packet_bytes = max_line_bytes + (max_clients + 2) * (MAX_NAME_BYTES + 2)
	if server.listen(port) != OK:
		push_error(server.get_last_error_message())
		return
	group.max_members = max_clients
	group.accept_from(server, lines)
	group.peer_packet_received.connect(_on_line)
	group.peer_disconnected.connect(_on_left)
	group.auto_poll = true


func _on_line(client: PacketPeerSocketRs, packet: PackedByteArray) -> void:
	if packet.size() > max_line_bytes:
		client.stream.disconnect_from_host()
		return
	var line := packet.get_string_from_utf8().strip_edges()
	if client in names:
		_tell("%s: %s" % [names[client], line], [client])
	elif line.is_empty() or line.to_utf8_buffer().size() > MAX_NAME_BYTES or line in names.values():
		client.put_text("Another name, please.")
	else:
		names[client] = line
		client.put_text("Hello, %s. Here: %s." % [line, ", ".join(names.values())])
		_tell("%s has come." % line, [client])


func _on_left(client: PacketPeerSocketRs, _error: int) -> void:
	if names.has(client):
		var left: String = names[client]
		names.erase(client)
		_tell("%s has left." % left)


func _tell(line: String, except := []) -> void:
	# Who has not said a name yet hears nothing.
	var unnamed: Array = group.get_members().filter(func(member: RefCounted) -> bool: return not names.has(member))
	group.broadcast(line.to_utf8_buffer(), except + unnamed)
