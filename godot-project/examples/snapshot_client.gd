extends Node
## A client of `snapshot_server.gd`. It stays connected, and asks for the newest snapshot after each
## connect.
## [codeblock]
## var client := SnapshotClient.new()
## add_child(client)
## client.updated.connect(func(state: Variant) -> void: print(state))
## client.start("localhost", 4000)
## [/codeblock]

## Emitted for each snapshot.
signal updated(state: Variant)

const SocketReconnect := preload("res://addons/stream_peer_socket_rs/socket_reconnect.gd")

var packets: PacketPeerSocketRs = PacketPeerSocketRs.new()
var connection: SocketReconnect = SocketReconnect.new()


func start(host: String, port: int) -> void:
	var peer: StreamPeerTCPRs = StreamPeerTCPRs.new()
	# A client that only waits would not notice a server that has vanished.
	var _kept: bool = peer.set_keep_alive(true, 20, 5, 3)
	peer.write_buffer_limit = 1024
	packets.stream = peer
	var _connected: int = packets.packet_received.connect(_on_snapshot)
	connection.greeting = "next".to_ascii_buffer()
	add_child(connection)
	var _started: Error = connection.start(packets, host, port)


func _on_snapshot(snapshot: PackedByteArray) -> void:
	# If it fails, the connection has ended, and the greeting of the next one asks again.
	var _asked: Error = packets.put_packet(connection.greeting)
	updated.emit(PacketPeerSocketRs.decode_var(snapshot))
