extends Node
## The server of a turn-based game. Each client gets the newest snapshot after its connect, and a
## newer one as soon as it asks again. So a slow line skips turns, and no queue grows.
## [codeblock]
## var server := SnapshotServer.new()
## add_child(server)
## server.publish({"turn": 1, "board": board})
## [/codeblock]

@export var port: int = 4000

var server: TCPServerRs = TCPServerRs.new()
var group: StreamPeerSocketGroupRs = StreamPeerSocketGroupRs.new()
var turn: int = 0
var snapshot: PackedByteArray = PackedByteArray()
# The clients that have the snapshot and have asked for the next one.
var waiting: Array[PacketPeerSocketRs] = []


func _ready() -> void:
	var packets: PacketPeerSocketRs = PacketPeerSocketRs.new()
	packets.max_packet_bytes = 1000000  # the largest snapshot
	group.max_members = 100
	group.auto_poll = true
	var _connected: int = group.peer_packet_received.connect(_on_request)
	_connected = group.peer_disconnected.connect(_on_left)
	if server.listen(port) != OK or group.accept_from(server, packets) != OK:
		push_error(server.get_last_error_message())


func publish(state: Variant) -> void:
	turn += 1
	snapshot = var_to_bytes(state)
	for peer: PacketPeerSocketRs in waiting:
		_send(peer)
	waiting.clear()


func _on_request(peer: PacketPeerSocketRs, _request: PackedByteArray) -> void:
	if peer.get_meta(&"turn", 0) != turn:
		_send(peer)
	elif peer not in waiting:
		waiting.append(peer)


func _send(peer: PacketPeerSocketRs) -> void:
	peer.set_meta(&"turn", turn)
	# It fails if the client asks and never reads, once 1 MiB is queued for it.
	if peer.put_packet(snapshot) != OK:
		peer.stream.abort()


func _on_left(peer: PacketPeerSocketRs, _error: int) -> void:
	waiting.erase(peer)
