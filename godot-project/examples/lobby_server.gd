extends Node
## A lobby for a few players in rooms. Each message is one line of JSON, so `nc localhost 4000` can
## be a client too. `lobby_client.gd` is one that keeps its seat when its connection drops.
## [codeblock]
## {"join": "Ann"}                      the answer has a token
## {"join": "Ann", "token": "..."}      returns to the same seat
## {"list": true}                       the answer has all players and their rooms
## {"move": "garden"}
## {"say": "hello"}                     goes to all in the same room
## [/codeblock]

## Further players get the seats of players that have no connection, or are refused.
const MAX_PLAYERS: int = 20
## The most characters of a name, and of the name of a room.
const MAX_NAME: int = 32
## The most characters of what a player says. Such a message always fits into a packet.
const MAX_TEXT: int = 1000
## The most messages of one client in one frame. Further ones wait, and slow down their sender.
const MESSAGES_PER_FRAME: int = 4
## A client that has not joined within these seconds is disconnected.
const JOIN_SECONDS: float = 5.0

@export var port: int = 4000

var server: TCPServerRs = TCPServerRs.new()
var group: StreamPeerSocketGroupRs = StreamPeerSocketGroupRs.new()
# The seats by the names of the players. A peer that has joined has such a name as its metadata.
var seats: Dictionary[String, Seat] = {}


class Seat:
	var token: String = Crypto.new().generate_random_bytes(16).hex_encode()
	var room: String = "hall"
	# The player's current or last peer. If it has no connection, a group sends nothing to it.
	var peer: PacketPeerSocketRs


func _ready() -> void:
	var lines: PacketPeerSocketRs = PacketPeerSocketRs.new()
	lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	lines.max_packet_bytes = 16384
	# A player may return before the end of the old connection is noticed.
	group.max_members = 2 * MAX_PLAYERS
	group.max_packets_per_poll = MESSAGES_PER_FRAME
	group.auto_poll = true
	var _connected: int = group.peer_packet_received.connect(_on_line)
	_connected = group.peer_disconnected.connect(_on_left)
	if server.listen(port) != OK or group.accept_from(server, lines) != OK:
		push_error(server.get_last_error_message())


## Ends the connection of a player, and gives the seat away.
func kick(player: String) -> void:
	var seat: Seat = seats.get(player)
	if seats.erase(player):
		_send([seat.peer], {"kicked": player})
		seat.peer.stream.disconnect_from_host()
		_send_to_room(seat.room, {"left": player})


func _process(_delta: float) -> void:
	for peer: PacketPeerSocketRs in group.get_peers():
		var age: float = peer.stream.get_statistics().get("age", 0.0)
		if age > JOIN_SECONDS and not peer.has_meta(&"player"):
			peer.stream.abort()


func _on_line(peer: PacketPeerSocketRs, line: PackedByteArray) -> void:
	var player: String = peer.get_meta(&"player", "")
	var seat: Seat = seats.get(player)
	match PacketPeerSocketRs.decode_json(line):
		{"join": var called, "token": var token} when seat == null:
			_join(peer, str(called).left(MAX_NAME), str(token))
		{"join": var called} when seat == null:
			_join(peer, str(called).left(MAX_NAME), "")
		{"list": true} when seat != null:
			var players: Dictionary = {}
			for other: String in seats:
				players[other] = seats[other].room
			_send([peer], {"players": players})
		{"move": var room} when seat != null:
			_send_to_room(seat.room, {"left": player})
			seat.room = str(room).left(MAX_NAME)
			_send_to_room(seat.room, {"entered": player})
		{"say": var text} when seat != null:
			_send_to_room(seat.room, {"from": player, "say": str(text).left(MAX_TEXT)})
		_:
			_send([peer], {"error": "not possible"})


func _join(peer: PacketPeerSocketRs, player: String, token: String) -> void:
	var seat: Seat = seats.get(player)
	if seat == null and not player.is_empty() and _has_a_free_seat():
		seat = Seat.new()
		seats[player] = seat
	elif seat != null and seat.token == token:
		seat.peer.stream.abort()
	else:
		_send([peer], {"error": "the lobby is full, or the name cannot be used"})
		return
	seat.peer = peer
	peer.set_meta(&"player", player)
	_send([peer], {"joined": player, "token": seat.token, "room": seat.room})
	_send_to_room(seat.room, {"entered": player})


func _has_a_free_seat() -> bool:
	for player: String in seats.keys():
		var status: int = seats[player].peer.stream.get_status()
		if seats.size() >= MAX_PLAYERS and status != StreamPeerSocketRs.STATUS_CONNECTED:
			kick(player)
	return seats.size() < MAX_PLAYERS


func _on_left(peer: PacketPeerSocketRs, _error: int) -> void:
	var player: String = peer.get_meta(&"player", "")
	# After a return, the seat has a newer peer.
	if seats.has(player) and seats[player].peer == peer:
		_send_to_room(seats[player].room, {"left": player})


func _send_to_room(room: String, message: Dictionary) -> void:
	var there: Array = seats.values().filter(func(seat: Seat) -> bool: return seat.room == room)
	_send(there.map(func(seat: Seat) -> PacketPeerSocketRs: return seat.peer), message)


func _send(peers: Array, message: Dictionary) -> void:
	# A peer that does not read refuses the message once 1 MiB is queued for it.
	for slow: PacketPeerSocketRs in group.broadcast_to(peers, PacketPeerSocketRs.encode_json(message)):
		slow.stream.abort()
