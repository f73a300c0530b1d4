extends Node
## A player of `lobby_server.gd`. It stays connected, and returns to its seat.
## [codeblock]
## var player := LobbyClient.new()
## add_child(player)
## player.received.connect(func(message: Variant) -> void: print(message))
## player.join("localhost", 4000, "Ann")
## # Later, for example in a handler of `received`:
## player.lines.put_json({"say": "hello"})
## [/codeblock]

## Emitted for each message of the server.
signal received(message: Variant)

const SocketReconnect := preload("res://addons/stream_peer_socket_rs/socket_reconnect.gd")

var lines: PacketPeerSocketRs = PacketPeerSocketRs.new()
var connection: SocketReconnect = SocketReconnect.new()


func _ready() -> void:
	lines.stream = StreamPeerTCPRs.new()
	lines.stream.write_buffer_limit = 65536  # what is put never blocks a frame
	lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	var _connected: int = lines.packet_received.connect(_on_line)
	add_child(connection)


func join(host: String, port: int, player: String) -> void:
	connection.greeting = PacketPeerSocketRs.encode_json({"join": player})
	var _started: Error = connection.start(lines, host, port)


func _on_line(line: PackedByteArray) -> void:
	var message: Variant = PacketPeerSocketRs.decode_json(line)
	match message:
		{"joined": var player, "token": var token, ..}:
			# The greeting after the next connect.
			connection.greeting = PacketPeerSocketRs.encode_json({"join": player, "token": token})
		{"kicked": _}:
			connection.stop()
	received.emit(message)
