extends Node
## A server and a client that exchange data, a peer without a server, an HTTP server with a browser
## and a WebSocket, and a chat whose clients send more and more.

const CLIENTS := 6

var server := TCPServerRs.new()
var client := StreamPeerTCPRs.new()
var served: StreamPeerTCPRs
var refused := StreamPeerTCPRs.new()

var web := HTTPServerRs.new()
var browser := StreamPeerTCPRs.new()
var page := WebSocketPeerRs.new()
var player: WebSocketPeerRs

var chat := StreamPeerSocketGroupRs.new()
var chat_server := TCPServerRs.new()
var chat_clients: Array[PacketPeerSocketRs] = []
var frames := 0


func _ready() -> void:
	var other := TCPServerRs.new()
	other.listen(0, "127.0.0.1")
	var port := other.get_local_port()
	other.stop()
	refused.connect_to_host("127.0.0.1", port)
	server.listen(0, "127.0.0.1")
	client.connect_to_host("127.0.0.1", server.get_local_port())
	web.route("GET", "/play", func(request: HTTPServerRequestRs) -> void: player = request.upgrade())
	web.listen(0, "127.0.0.1")
	browser.connect_to_host("127.0.0.1", web.get_local_port())
	page.connect_to_url("ws://127.0.0.1:%d/play" % web.get_local_port())
	chat_server.listen(0, "127.0.0.1")
	chat.accept_from(chat_server, _lines())
	chat.peer_packet_received.connect(func(peer: PacketPeerSocketRs, line: PackedByteArray) -> void:
		chat.broadcast(line, [peer]))
	chat.auto_poll = true
	for i in CLIENTS:
		var lines := _lines()
		var stream := StreamPeerTCPRs.new()
		stream.auto_poll = true
		stream.write_buffer_limit = 65536
		stream.connect_to_host("127.0.0.1", chat_server.get_local_port())
		lines.stream = stream
		chat_clients.append(lines)


func _process(_delta: float) -> void:
	client.poll()
	refused.poll()
	if served == null:
		served = server.take_connection()
	elif client.get_status() == StreamPeerTCPRs.STATUS_CONNECTED:
		client.put_data("ping\n".to_utf8_buffer())
		served.receive()
	web.poll()
	browser.poll()
	if browser.get_status() == StreamPeerTCPRs.STATUS_CONNECTED:
		browser.put_data("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_utf8_buffer())
		browser.receive()
	page.poll()
	if page.get_ready_state() == WebSocketPeerRs.STATE_OPEN:
		page.send_text("to the right")
	if player != null:
		player.poll()
		while player.get_available_packet_count() > 0:
			player.get_packet()
	frames += 1
	for i in CLIENTS:
		if frames % (10 * (i + 1)) == 0:
			chat_clients[i].put_text("hello from client %d" % i)
		chat_clients[i].get_packet()


func _lines() -> PacketPeerSocketRs:
	var lines := PacketPeerSocketRs.new()
	lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	return lines
