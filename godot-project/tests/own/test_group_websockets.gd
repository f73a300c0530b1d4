extends "res://tests/support/test_case.gd"
## WebSockets as members of a group: the same signals and limits as packet peers have, beside these.

const STATE_OPEN := WebSocketPeerRs.STATE_OPEN
const STATE_CLOSED := WebSocketPeerRs.STATE_CLOSED
## A wait that should end long before.
const LONG_MSEC := 30_000


## A server whose clients become WebSockets in a group, and a log of what the group reports.
class Lobby:
	var server := TCPServerRs.new()
	var group := StreamPeerSocketGroupRs.new()
	var like := WebSocketPeerRs.new()
	var clients: Array[WebSocketPeerRs] = []
	var peers: Array[WebSocketPeerRs] = []
	var log: Array = []

	func _init() -> void:
		server.listen(0, "127.0.0.1")
		group.peer_connected.connect(func(peer: WebSocketPeerRs) -> void:
			peers.append(peer)
			log.append(["connected", peers.size() - 1]))
		group.peer_packet_received.connect(func(peer: PacketPeer, packet: PackedByteArray) -> void:
			log.append([number(peer), packet.get_string_from_utf8(), peer.was_string_packet()]))
		group.peer_disconnected.connect(func(peer: RefCounted, error: Error) -> void:
			log.append([number(peer), error]))

	func number(peer: RefCounted) -> int:
		return peers.find(peer)

	func begin() -> void:
		group.accept_from(server, like)

	func url() -> String:
		return "ws://127.0.0.1:%d/" % server.get_local_port()

	func dial(prepare := Callable()) -> WebSocketPeerRs:
		var client := WebSocketPeerRs.new()
		if prepare.is_valid():
			prepare.call(client)
		client.connect_to_url(url())
		clients.append(client)
		return client

	func poll() -> void:
		for client in clients:
			client.poll()
		group.poll()


func test_accepted_websockets_are_reported_like_packet_peers() -> void:
	var lobby := _lobby()
	var client := lobby.dial()
	_until_open(lobby, 1)
	client.send_text("one")
	client.send([116, 119, 111])
	client.send_text("three")
	client.close(4000, "bye")
	_until(lobby, func() -> bool: return lobby.log.size() == 5, "five signals")
	check_eq(lobby.log, [["connected", 0], [0, "one", true], [0, "two", false], [0, "three", true],
			[0, ERR_FILE_EOF]], "the signals")
	check_eq(lobby.peers[0].get_close_code(), 4000, "the code")
	check_eq(lobby.peers[0].get_close_reason(), "bye", "the reason")
	check_eq(lobby.group.get_members(), [lobby.server], "it is no member any more")
	_end(lobby)


func test_accepted_websockets_are_like_the_one_that_was_given() -> void:
	var lobby := Lobby.new()
	var like := lobby.like
	like.supported_protocols = ["chess", "go"]
	like.handshake_headers = ["X-Game: 1"]
	like.inbound_buffer_size = 1000
	like.outbound_buffer_size = 2000
	like.max_queued_packets = 7
	like.max_message_bytes = 500
	like.max_frame_bytes = 50
	like.heartbeat_interval = 30.0
	like.handshake_timeout = 3.0
	like.compression = true
	like.compression_threshold = 9
	like.compression_window_bits = 10
	like.compression_context_takeover = false
	like.keep_alive_in_background = true
	lobby.begin()
	# Later changes do not count.
	like.supported_protocols = []
	like.max_message_bytes = 1
	var client := lobby.dial(func(peer: WebSocketPeerRs) -> void:
		peer.supported_protocols = ["go"]
		peer.compression = true)
	_until_open(lobby, 1)
	var peer := lobby.peers[0]
	check_eq(peer.get_selected_protocol(), "go", "the protocol")
	check(peer.is_compressing(), "it is compressed")
	var properties := {
		"supported_protocols": PackedStringArray(["chess", "go"]),
		"inbound_buffer_size": 1000, "outbound_buffer_size": 2000, "max_queued_packets": 7,
		"max_message_bytes": 500, "max_frame_bytes": 50, "heartbeat_interval": 30.0,
		"handshake_timeout": 3.0, "compression": true, "compression_threshold": 9,
		"compression_window_bits": 10, "compression_context_takeover": false,
		"keep_alive_in_background": true,
	}
	for name: String in properties:
		check_eq(peer.get(name), properties[name], name)
	client.send(_bytes(501))
	_until(lobby, func() -> bool: return client.get_ready_state() == STATE_CLOSED, "too much")
	check_eq(client.get_close_code(), 1009, "the limit")
	check_eq(lobby.log.back(), [0, ERR_INVALID_DATA], "the end")
	_end(lobby)


func test_wrong_properties_are_refused() -> void:
	var lobby := Lobby.new()
	var bad := WebSocketPeerRs.new()
	bad.handshake_headers = ["no header"]
	var bad_protocol := WebSocketPeerRs.new()
	bad_protocol.supported_protocols = ["no token"]
	for like: WebSocketPeerRs in [bad, bad_protocol]:
		var code: Error = quietly(func() -> Error: return lobby.group.accept_from(lobby.server, like))
		check_eq(code, ERR_INVALID_PARAMETER, "accept_from")
	check_eq(lobby.group.get_count(), 0, "no member")
	_end(lobby)


func test_a_handshake_that_fails_is_reported_as_an_end() -> void:
	var lobby := _lobby()
	lobby.like.handshake_timeout = 0.2
	lobby.begin()
	var untrusted := StreamPeerTCPRs.new()
	var silent := StreamPeerTCPRs.new()
	var leaving := StreamPeerTCPRs.new()
	for peer: StreamPeerTCPRs in [untrusted, silent, leaving]:
		peer.connect_to_host("127.0.0.1", lobby.server.get_local_port())
		settle(peer)
	untrusted.put_data("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_ascii_buffer())
	leaving.put_data("GET / HT".to_ascii_buffer())
	leaving.disconnect_from_host()
	_until(lobby, func() -> bool: return lobby.log.size() == 3, "three ends")
	var ends := lobby.log.map(func(entry: Array) -> int: return entry[1])
	ends.sort()
	check_eq(ends, [ERR_TIMEOUT, ERR_CONNECTION_ERROR, ERR_CONNECTION_ERROR], "the errors")
	check_eq(lobby.peers, [] as Array[WebSocketPeerRs], "none has connected")
	check_eq(lobby.group.get_members(), [lobby.server], "none is left")
	untrusted.poll()
	check(untrusted.receive().get_string_from_ascii().begins_with("HTTP/1.1 426"), "an answer")
	_end(lobby)


func test_a_member_that_connects_reports_each_of_its_sessions() -> void:
	var lobby := _lobby()
	var client := WebSocketPeerRs.new()
	var group := StreamPeerSocketGroupRs.new()
	var log: Array = []
	group.peer_connected.connect(func(peer: WebSocketPeerRs) -> void:
		check_eq(peer, client, "the member")
		log.append("connected"))
	group.peer_disconnected.connect(func(_peer: RefCounted, error: Error) -> void: log.append(error))
	check_eq(group.add(client), OK, "add")
	check_eq(group.add(client), ERR_ALREADY_EXISTS, "add again")
	for time in 2:
		log.clear()
		check_eq(client.connect_to_url(lobby.url()), OK, "connect_to_url")
		spin_until(func() -> bool:
			lobby.poll()
			group.poll(1)
			return log.size() == 1, "connected")
		# This end closes, or the other.
		if time == 0:
			client.close()
		else:
			lobby.peers[time].close(4001)
		spin_until(func() -> bool:
			lobby.poll()
			group.poll(1)
			return log.size() == 2, "the end")
		check_eq(log, ["connected", OK if time == 0 else ERR_FILE_EOF], "the signals")
	# There is no listener left.
	log.clear()
	var url := lobby.url()
	var port := lobby.server.get_local_port()
	lobby.server.stop()
	# No other process shall listen there.
	var keeper := StreamPeerTCPRs.new()
	keeper.bind(port, LOOPBACK)
	client.connect_to_url(url)
	spin_until(func() -> bool:
		group.poll(1)
		return log.size() == 1, "the failure")
	check_eq(log, [ERR_CONNECTION_ERROR], "a connect that fails")
	# One that is given up.
	client.connect_to_url("ws://127.0.0.1:1/")
	client.close()
	group.poll()
	check_eq(log.back(), ERR_SKIP, "a connect that is given up")
	check_eq(group.get_members(), [client], "it is still a member")
	_end(lobby)


func test_a_waiting_poll_ends_with_a_message_a_time_limit_and_a_heartbeat() -> void:
	var lobby := _lobby()
	var client := lobby.dial()
	_until_open(lobby, 1)
	lobby.group.poll()
	var begin := Time.get_ticks_msec()
	var thread := in_thread(func() -> void:
		OS.delay_msec(50)
		client.send_text("a"))
	lobby.group.peer_packet_received.connect(
			func(_peer: PacketPeer, _packet: PackedByteArray) -> void: lobby.group.wake())
	check_eq(lobby.group.poll(LONG_MSEC), [], "its handler takes it")
	check(Time.get_ticks_msec() - begin < LONG_MSEC, "the message ends the wait")
	check_eq(lobby.log.back(), [0, "a", true], "the message")
	join(thread, "the sender")
	# Nothing more arrives: the peer is pinged, does not answer, and is disconnected.
	lobby.peers[0].heartbeat_interval = 0.2
	begin = Time.get_ticks_msec()
	check_eq(lobby.group.poll(LONG_MSEC), [lobby.peers[0]], "the end")
	var took := Time.get_ticks_msec() - begin
	check(took >= 350 and took < LONG_MSEC, "two heartbeats: %d ms" % took)
	check_eq(lobby.log.back(), [0, ERR_TIMEOUT], "the end")
	_end(lobby)


func test_messages_stay_until_a_handler_is_connected() -> void:
	var lobby := Lobby.new()
	var group := StreamPeerSocketGroupRs.new()
	group.accept_from(lobby.server, lobby.like)
	var client := lobby.dial()
	spin_until(func() -> bool:
		client.poll()
		group.poll()
		return client.get_ready_state() == STATE_OPEN, "open")
	client.send_text("one")
	client.send_text("two")
	var peer: WebSocketPeerRs = group.get_peers()[0]
	spin_until(func() -> bool:
		group.poll()
		return peer.get_available_packet_count() == 2, "the messages")
	check_eq(group.poll(1000), [peer], "it stays ready")
	check_eq(peer.get_packet().get_string_from_utf8(), "one", "taken")
	var log: Array = []
	group.peer_packet_received.connect(func(_peer: PacketPeer, packet: PackedByteArray) -> void:
		log.append(packet.get_string_from_utf8()))
	group.poll()
	check_eq(log, ["two"], "the rest goes to the handler")
	_end(lobby)


func test_own_handlers_and_several_groups_get_everything_in_order() -> void:
	var lobby := _lobby()
	var client := lobby.dial()
	_until_open(lobby, 1)
	var peer := lobby.peers[0]
	var other := StreamPeerSocketGroupRs.new()
	var texts: Array = []
	var own: Array = []
	other.peer_packet_received.connect(func(_peer: PacketPeer, packet: PackedByteArray) -> void:
		texts.append(packet.get_string_from_utf8()))
	other.peer_disconnected.connect(func(_peer: PacketPeer, error: Error) -> void: texts.append(error))
	other.add(peer)
	peer.packet_received.connect(func(packet: PackedByteArray, _is_text: bool) -> void:
		own.append(packet.get_string_from_utf8()))
	peer.closed.connect(func(code: int, _reason: String) -> void: own.append(code))
	lobby.log.clear()
	var expected: Array = []
	for number in 200:
		client.send_text(str(number))
		expected.append(str(number))
	client.close(4000)
	for round in 1000:
		match round % 3:
			0: peer.poll()
			1: other.poll()
			2: lobby.group.poll()
		client.poll()
		if texts.size() == 201 and own.size() == 201 and lobby.log.size() == 201:
			break
	check_eq(own, expected + [4000], "its own handlers")
	check_eq(texts, expected + [ERR_FILE_EOF], "the other group")
	check_eq(lobby.log.map(func(entry: Array) -> Variant: return entry[1]), expected + [ERR_FILE_EOF],
			"the group that has accepted it")
	let_go(peer)
	let_go(other)
	_end(lobby)


func test_the_limits_of_the_group_hold() -> void:
	var lobby := _lobby()
	lobby.group.max_members = 2
	for i in 3:
		lobby.dial()
	_until(lobby, func() -> bool:
		var states := lobby.clients.map(
				func(client: WebSocketPeerRs) -> int: return client.get_ready_state())
		states.sort()
		return states == [STATE_OPEN, STATE_OPEN, STATE_CLOSED], "one too many")
	lobby.clients = lobby.clients.filter(
			func(client: WebSocketPeerRs) -> bool: return client.get_ready_state() == STATE_OPEN)
	_until_open(lobby, 2)
	lobby.log.clear()
	lobby.group.max_packets_per_poll = 4
	var talker := lobby.clients[0]
	for number in 10:
		talker.send_text(str(number))
	spin_until(func() -> bool:
		lobby.group.poll()
		return not lobby.log.is_empty(), "the first")
	check_eq(lobby.log.size(), 4, "in one poll")
	lobby.group.poll()
	check_eq(lobby.log.size(), 8, "in the next poll")
	check_eq(lobby.group.poll(1000), [], "all")
	check_eq(lobby.log.size(), 10, "nothing is lost")
	# The other says nothing.
	lobby.log.clear()
	lobby.group.max_silent_seconds = 0.6
	_until(lobby, func() -> bool:
		talker.send_text("still here")
		return lobby.log.any(func(entry: Array) -> bool: return entry[1] is int), "silence")
	var ends := lobby.log.filter(func(entry: Array) -> bool: return entry[1] is int)
	check_eq(ends[0][1], ERR_TIMEOUT, "its error")
	check_eq(lobby.group.get_peers().size(), 1, "the talker is left")
	check(lobby.peers[ends[0][0]].get_last_error_message().contains("nothing received for"), "why")
	_end(lobby)


func test_a_member_that_never_reads_is_aborted() -> void:
	var lobby := Lobby.new()
	lobby.like.outbound_buffer_size = 64 << 20
	lobby.group.max_stalled_seconds = 0.6
	lobby.begin()
	var client := lobby.dial()
	_until_open(lobby, 1)
	for i in 16:
		check_eq(lobby.group.broadcast(_bytes(1 << 20)), [], "broadcast")
	spin_until(func() -> bool:
		lobby.group.poll(10)
		return lobby.log.size() == 2, "the end")
	check_eq(lobby.log[1], [0, ERR_TIMEOUT], "its error")
	client.close(-1)
	_end(lobby)


func test_a_broadcast_reaches_streams_packets_and_websockets() -> void:
	var lobby := _lobby()
	var zipped := lobby.dial(func(peer: WebSocketPeerRs) -> void: peer.compression = true)
	lobby.like.compression = true
	lobby.begin()
	_until_open(lobby, 1)
	var plain := lobby.dial()
	zipped = lobby.dial(func(peer: WebSocketPeerRs) -> void: peer.compression = true)
	_until_open(lobby, 3)
	check(zipped.is_compressing() and not plain.is_compressing(), "one of them is compressed")
	var stream := link("tcp")
	var lines := link("tcp")
	var packets := PacketPeerSocketRs.new()
	packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	packets.stream = lines.client
	lobby.group.add(stream.client)
	lobby.group.add(packets)
	# One that is not open is left out.
	var idle := WebSocketPeerRs.new()
	lobby.group.add(idle)
	var text := "hello ".repeat(100)
	check_eq(lobby.group.broadcast(text.to_utf8_buffer(), [], true), [], "as text")
	check_eq(lobby.group.broadcast([1, 2], [packets, stream.client]), [], "as bytes")
	check_eq(lobby.group.broadcast_to([lobby.peers[1], lobby.peers[1]], "only".to_utf8_buffer(), true),
			[], "to one")
	for number in 3:
		var client := lobby.clients[number]
		var expected: Array = [[text, true], ["\u0001\u0002", false]]
		if number == 1:
			expected.append(["only", true])
		var got: Array = []
		spin_until(func() -> bool:
			lobby.group.poll()
			client.poll()
			while client.get_available_packet_count() > 0:
				var packet := client.get_packet()
				got.append([packet.get_string_from_utf8(), client.was_string_packet()])
			return got.size() == expected.size(), "messages")
		check_eq(got, expected, "client %d" % number)
	arrived(stream.served, text.length())
	check_eq(stream.served.receive().get_string_from_utf8(), text, "the stream")
	arrived(lines.served, text.length() + 1)
	check_eq(lines.served.receive().get_string_from_utf8(), text + "\n", "the packet")
	# What is no text is refused by those that tell text from bytes.
	var refusing := lobby.group.broadcast([255], [], true)
	check_eq(refusing, lobby.peers, "no text")
	check_eq(lobby.peers[0].get_last_error(), ERR_INVALID_DATA, "why")
	lobby.peers[0].outbound_buffer_size = 10
	check_eq(lobby.group.broadcast(_bytes(11)), [lobby.peers[0]], "too much")
	check_eq(lobby.peers[0].get_last_error(), ERR_OUT_OF_MEMORY, "why")
	_end(lobby)


func test_broadcasts_of_handlers_arrive_in_order() -> void:
	var lobby := _lobby()
	lobby.group.peer_packet_received.connect(func(peer: PacketPeer, packet: PackedByteArray) -> void:
		lobby.group.broadcast(packet, [], peer.was_string_packet())
		peer.send_text("and to you alone"))
	var one := lobby.dial()
	var two := lobby.dial()
	_until_open(lobby, 2)
	for i in 3:
		one.send_text(str(i))
	_until(lobby, func() -> bool:
		return one.get_available_packet_count() == 6 and two.get_available_packet_count() == 3, "all")
	var own := "and to you alone"
	check_eq(_texts(one), ["0", own, "1", own, "2", own], "the sender's")
	check_eq(_texts(two), ["0", "1", "2"], "the other's")
	_end(lobby)


func test_handlers_may_do_anything() -> void:
	var deeds := {
		"close": func(lobby: Lobby, peer: WebSocketPeerRs) -> void: peer.close(4000),
		"abort": func(lobby: Lobby, peer: WebSocketPeerRs) -> void: peer.close(-1),
		"remove": func(lobby: Lobby, peer: WebSocketPeerRs) -> void: lobby.group.remove(peer),
		"poll": func(lobby: Lobby, peer: WebSocketPeerRs) -> void: peer.poll(),
		"poll the group": func(lobby: Lobby, _peer: WebSocketPeerRs) -> void: lobby.group.poll(1),
		"clear": func(lobby: Lobby, _peer: WebSocketPeerRs) -> void:
			for member in lobby.group.get_members():
				lobby.group.remove(member),
		"reconnect": func(lobby: Lobby, peer: WebSocketPeerRs) -> void:
			peer.close(-1)
			peer.connect_to_url(lobby.url()),
		"add others": func(lobby: Lobby, _peer: WebSocketPeerRs) -> void:
			lobby.group.add(WebSocketPeerRs.new())
			lobby.group.add(StreamPeerTCPRs.new()),
		"take": func(lobby: Lobby, peer: WebSocketPeerRs) -> void: peer.get_packet(),
		"add again": func(lobby: Lobby, peer: WebSocketPeerRs) -> void:
			lobby.group.remove(peer)
			lobby.group.add(peer),
		"change limits": func(lobby: Lobby, peer: WebSocketPeerRs) -> void:
			peer.max_queued_packets = 1
			peer.heartbeat_interval = 0.001,
		"free": func(lobby: Lobby, _peer: WebSocketPeerRs) -> void:
			lobby.peers.clear()
			lobby.group = StreamPeerSocketGroupRs.new()
			lobby.group.accept_from(lobby.server, lobby.like),
	}
	for deed: String in deeds:
		for signal_name: String in ["peer_connected", "peer_packet_received", "peer_disconnected"]:
			for limit in [1, 64]:
				var lobby := Lobby.new()
				lobby.group.max_packets_per_poll = limit
				var done: Array[int] = [0]
				lobby.group.connect(signal_name, func(peer: RefCounted, _more: Variant = null) -> void:
					done[0] += 1
					if done[0] < 10:
						deeds[deed].call(lobby, peer))
				lobby.begin()
				for i in 2:
					var client := lobby.dial()
					client.packet_received.connect(func(_packet: PackedByteArray, _is_text: bool) -> void:
						pass)
				var step := [0]
				spin_until(func() -> bool:
					lobby.poll()
					step[0] += 1
					for client in lobby.clients:
						client.send_text("a")
						client.send_text("b")
						if step[0] > 20:
							client.close(4001)
					return step[0] > 100, "%s in %s" % [deed, signal_name])
				check(done[0] > 0 or signal_name != "peer_connected", "%s in %s" % [deed, signal_name])
				_end(lobby)


func test_a_websocket_over_tls_is_a_member() -> void:
	var crypto: Object = quietly(func() -> Object: return ClassDB.instantiate("Crypto"))
	if crypto == null:
		return skip("this engine has no TLS")
	var key: Resource = crypto.generate_rsa(2048)
	var certificate: Resource = crypto.generate_self_signed_certificate(key, "CN=localhost")
	# The socket of the server is ours or the engine's.
	for server: Object in [TCPServerRs.new(), TCPServer.new()]:
		server.listen(0, LOOPBACK)
		var port: int = server.get_local_port()
		var client := WebSocketPeerRs.new()
		client.connect_to_url("wss://localhost:%d/a" % port, TLSOptions.client(certificate))
		var clients := StreamPeerSocketGroupRs.new()
		var servers := StreamPeerSocketGroupRs.new()
		var log: Array = []
		for group: StreamPeerSocketGroupRs in [clients, servers]:
			var name := "client" if group == clients else "server"
			group.peer_connected.connect(func(_peer: PacketPeer) -> void: log.append(name + " open"))
			group.peer_packet_received.connect(
					func(peer: PacketPeer, packet: PackedByteArray) -> void:
						log.append("%s %d" % [name, packet.size()])
						if name == "server":
							peer.send(packet))
			group.peer_disconnected.connect(func(_peer: PacketPeer, error: Error) -> void:
				log.append("%s %s" % [name, error_string(error)]))
		clients.add(client)
		spin_until(func() -> bool:
			clients.poll()
			return server.is_connection_available(), "a connection")
		var tls := StreamPeerTLS.new()
		tls.accept_stream(server.take_connection(), TLSOptions.server(key, certificate))
		var served := WebSocketPeerRs.new()
		for peer: WebSocketPeerRs in [client, served]:
			peer.inbound_buffer_size = 1 << 22
			peer.outbound_buffer_size = 1 << 22
		served.accept_stream(tls)
		servers.add(served)
		var both := func(count: int) -> void:
			spin_until(func() -> bool:
				clients.poll(2)
				servers.poll(2)
				return log.size() >= count, "%d signals" % count)
		both.call(2)
		client.send(_bytes(5))
		both.call(4)
		client.send(_bytes(1_000_000))
		both.call(6)
		client.close()
		both.call(8)
		check_eq(log.slice(2, 6), ["server 5", "client 5", "server 1000000", "client 1000000"],
				"messages")
		check("server End of file" in log.slice(6) and "client OK" in log.slice(6),
				"the ends: %s" % [log])
		let_go(clients)
		let_go(servers)


func test_a_websocket_that_is_kept_alive_in_the_background_is_reported_later() -> void:
	var lobby := Lobby.new()
	lobby.like.keep_alive_in_background = true
	lobby.begin()
	var client := lobby.dial()
	_until_open(lobby, 1)
	lobby.group.poll()
	client.send_text("meanwhile")
	client.heartbeat_interval = 0.05
	var served := lobby.peers[0]
	# Only the background takes the message from the system and answers.
	spin_until(func() -> bool:
		client.poll()
		return served.get_statistics().messages_queued == 1, "the message")
	client.close(4000)
	OS.delay_msec(200)
	check_eq(lobby.log.size(), 1, "nobody has polled the group")
	_until(lobby, func() -> bool: return lobby.log.size() == 3, "the rest")
	check_eq(lobby.log.slice(1), [[0, "meanwhile", true], [0, ERR_FILE_EOF]], "in order")
	_end(lobby)


func test_an_upgraded_request_is_a_member() -> void:
	var http := HTTPServerRs.new()
	var group := StreamPeerSocketGroupRs.new()
	var log: Array = []
	http.route("GET", "/", func(request: HTTPServerRequestRs) -> void:
		group.add(request.upgrade()))
	group.peer_connected.connect(func(_peer: WebSocketPeerRs) -> void: log.append("connected"))
	group.peer_packet_received.connect(func(_peer: PacketPeer, packet: PackedByteArray) -> void:
		log.append(packet.get_string_from_utf8()))
	check_eq(http.listen(0), OK, "listen")
	var client := WebSocketPeerRs.new()
	client.connect_to_url("ws://127.0.0.1:%d/" % http.get_local_port())
	spin_until(func() -> bool:
		http.poll()
		group.poll()
		client.poll()
		if client.get_ready_state() == STATE_OPEN and log.size() < 2:
			client.send_text("a")
		return log.size() >= 2, "a message")
	check_eq(log.slice(0, 2), ["connected", "a"], "the signals")
	http.stop()
	let_go(group)


func _lobby() -> Lobby:
	var lobby := Lobby.new()
	lobby.begin()
	return lobby


func _end(lobby: Lobby) -> void:
	for peer in lobby.clients + lobby.peers:
		peer.close(-1)
		let_go(peer)
	let_go(lobby.group)
	lobby.server.stop()
	lobby.log.clear()
	lobby.peers.clear()


func _until(lobby: Lobby, condition: Callable, what: String) -> void:
	spin_until(func() -> bool:
		lobby.poll()
		return condition.call(), what)


func _until_open(lobby: Lobby, count: int) -> void:
	_until(lobby, func() -> bool:
		return lobby.peers.size() == count and lobby.clients.all(func(client: WebSocketPeerRs) -> bool:
			return client.get_ready_state() == STATE_OPEN), "%d open WebSockets" % count)


func _texts(peer: WebSocketPeerRs) -> Array:
	var texts := []
	while peer.get_available_packet_count() > 0:
		texts.append(peer.get_packet().get_string_from_utf8())
	return texts


func _bytes(count: int) -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(count)
	return bytes
