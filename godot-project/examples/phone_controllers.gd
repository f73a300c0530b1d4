extends Node2D
## Phones as controllers: who opens the page steers a dot by touch or keys. All is on one port.

const AREA: Rect2 = Rect2(0.0, 0.0, 800.0, 450.0)
const RADIUS: float = 15.0
@export var port: int = 8080
@export var address: String = "*"  # Phones are other machines.
@export var max_players: int = 8
var server: HTTPServerRs = HTTPServerRs.new()
var players: Array[Player] = []
var coin: Vector2 = Vector2(200.0, 100.0)


func _ready() -> void:
	var failed: int = server.route("GET", "/play", _on_play)
	failed += server.serve_files("/", "res://examples/phone_controllers")
	failed += server.listen(port, address)
	assert(failed == OK, server.get_last_error_message())
	print("Open port %d at %s of %s" % [server.get_local_port(), address, IP.get_local_addresses()])


func _on_play(request: HTTPServerRequestRs) -> void:
	if players.size() >= max_players:
		var _refused: int = request.respond(503, "The game is full.")
	var player: Player = Player.new()
	player.socket = request.upgrade() if request.is_open() else null
	if player.socket != null:
		players.append(player)


func _process(delta: float) -> void:
	var _polled: int = server.poll()
	for player: Player in players.duplicate():
		player.socket.poll()
		while player.socket.get_available_packet_count() > 0:
			var text: String = PacketPeerSocketRs.decode_text(player.socket.get_packet())
			var numbers: PackedFloat64Array = text.split_floats(" ") + PackedFloat64Array([0.0, 0.0])
			player.velocity = 300.0 * Vector2(numbers[0], numbers[1]).limit_length()
		player.position = (player.position + player.velocity * delta).clamp(AREA.position, AREA.end)
		if player.position.distance_to(coin) < 2.0 * RADIUS:
			player.score += 1
			coin = AREA.size * Vector2(randf(), randf())
			var _sent: int = player.socket.send_text(str(player.score))
		if player.socket.get_ready_state() == WebSocketPeerRs.STATE_CLOSED:
			players.erase(player)
	queue_redraw()


func _draw() -> void:
	draw_circle(coin, RADIUS, Color.GOLD)
	for i: int in players.size():
		draw_circle(players[i].position, RADIUS, Color.from_hsv(i / float(max_players), 0.8, 1.0))


class Player:
	var socket: WebSocketPeerRs
	var velocity: Vector2 = Vector2.ZERO
	var position: Vector2 = AREA.get_center()
	var score: int = 0
