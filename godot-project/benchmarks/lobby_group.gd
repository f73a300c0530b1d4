extends RefCounted
## The lobby server of `lobby_loop.gd`, with a group instead of a loop.

# The calls of a frame discard their results.
@warning_ignore_start("return_value_discarded")

var received: int = 0
var world: PackedByteArray = PackedByteArray()
var every: int = 1
var _frame: int = 0
var _group: StreamPeerSocketGroupRs = StreamPeerSocketGroupRs.new()
var _players: int = 0


func _init(server: SocketServerRs) -> void:
	_group.peer_connected.connect(_on_connected)
	_group.peer_data_available.connect(_on_data)
	_group.accept_from(server)


func frame() -> void:
	_group.poll()
	_frame += 1
	if _frame % every == 0:
		_group.broadcast(world)


func players() -> int:
	return _players


func _on_connected(peer: StreamPeerTCPRs) -> void:
	peer.set_no_delay(true)
	_players += 1


func _on_data(peer: StreamPeerTCPRs) -> void:
	received += peer.receive().size()
