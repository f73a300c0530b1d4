extends "res://tests/support/websocket_case.gd"
## What WebSocketPeerRs has and the engine's class does not: signals, streams of every kind, last
## messages, compression, limits that change.

const EngineProcess := preload("res://tests/support/engine_process.gd")

## Longer than a call takes that does not wait for a lookup. One that hangs takes a minute.
const TOO_LONG_MSEC := 20_000
const REQUEST := ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		+ "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
const PING: PackedByteArray = [0x89, 0x81, 0, 0, 0, 0, 7]
const PONG: PackedByteArray = [0x8a, 1, 7]


func test_signals_are_emitted_in_order() -> void:
	var pair := websocket_pair()
	var log: Array = []
	_note(pair.served, log)
	pair.client.send_text("one")
	pair.client.send([2])
	pair.client.close(4000, "three")
	pair_until(pair, func() -> bool: return log.size() == 3, "three signals")
	check_eq(log, [["packet", "one".to_utf8_buffer(), true], ["packet", PackedByteArray([2]), false],
			["closed", 4000, "three"]], "the signals")
	let_go(pair.served)


func test_connected_comes_before_the_first_message() -> void:
	var log: Array = []
	var pair := websocket_pair(func(client: WebSocketPeerRs, served: WebSocketPeerRs) -> void:
		_note(client, log)
		served.connected.connect(func() -> void: served.send_text("welcome")))
	pair_until(pair, func() -> bool: return log.size() == 2, "two signals")
	check_eq(log, [["connected"], ["packet", "welcome".to_utf8_buffer(), true]], "the signals")
	let_go(pair.client)
	let_go(pair.served)


func test_a_handler_may_do_anything() -> void:
	var pair := websocket_pair()
	var served: WebSocketPeerRs = pair.served
	var seen: Array[String] = []
	served.packet_received.connect(func(packet: PackedByteArray, _is_text: bool) -> void:
		seen.append(packet.get_string_from_utf8())
		if seen.size() == 3:
			served.close(-1)
			pair.erase("served")
		# A nested poll delivers what follows.
		served.poll())
	for text: String in ["a", "b", "c", "d"]:
		pair.client.send_text(text)
	spin_until(func() -> bool:
		served.poll()
		return seen.size() >= 3, "three messages")
	served.poll()
	check_eq(seen, ["a", "b", "c"] as Array[String], "the messages until the end")
	check_eq(served.get_ready_state(), STATE_CLOSED, "closed by the handler")
	let_go(served)


func test_a_handler_may_connect_again() -> void:
	var pair := websocket_pair()
	var client: WebSocketPeerRs = pair.client
	var url := client.get_requested_url()
	var codes: Array[int] = []
	client.closed.connect(func(code: int, _reason: String) -> void:
		codes.append(code)
		if codes.size() == 1:
			check_eq(client.connect_to_url(url), OK, "connect_to_url"))
	pair.served.close(4000)
	pair_until(pair, func() -> bool: return codes.size() == 1, "the end")
	check_eq(codes, [4000] as Array[int], "the code")
	spin_until(func() -> bool:
		client.poll()
		return pair.server.is_connection_available(), "the next connection")
	var again := WebSocketPeerRs.new()
	check_eq(again.accept_stream(pair.server.take_connection()), OK, "accept_stream")
	spin_until(func() -> bool:
		client.poll()
		again.poll()
		return client.get_ready_state() == STATE_OPEN, "the next handshake")
	let_go(client)


func test_an_object_that_is_polled_automatically_may_be_freed_in_a_handler() -> void:
	var pair := websocket_pair()
	var seen: Array[int] = [0]
	pair.served.auto_poll = true
	pair.served.packet_received.connect(func(_packet: PackedByteArray, _is_text: bool) -> void:
		seen[0] += 1
		pair.erase("served"))
	pair.client.send_text("a")
	await until(func() -> bool: return seen[0] == 1, "the message")
	check(not pair.has("served"), "the object is gone")


func test_the_last_message_is_seen_while_open() -> void:
	var pair := websocket_pair()
	pair.served.send_text("last")
	pair.served.close(4000, "bye")
	var client: WebSocketPeerRs = pair.client
	spin_until(func() -> bool:
		client.poll()
		return client.get_available_packet_count() > 0, "the message")
	check_eq(client.get_ready_state(), STATE_OPEN, "the state with the message")
	client.poll()
	check_eq(client.get_ready_state(), STATE_CLOSED, "the state after the next poll")
	check_eq(client.get_close_code(), 4000, "the code")
	check_eq(client.get_packet().get_string_from_utf8(), "last", "the message can still be taken")
	check_eq(client.get_packet(), PackedByteArray(), "there is no other")
	check_eq(client.get_packet_error(), FAILED, "and there is no connection")


func test_websockets_work_over_unix_domain_sockets() -> void:
	if lacks_uds():
		return
	var end := endpoint("uds")
	var stream := dial(end)
	var client := WebSocketPeerRs.new()
	check_eq(client.connect_to_stream(stream, "ws://game/room?a"), OK, "connect_to_stream")
	var served := WebSocketPeerRs.new()
	check_eq(served.accept_stream(accept(end)), OK, "accept_stream")
	var pair := {"client": client, "served": served}
	pair_until(pair, func() -> bool: return are_both(pair, STATE_OPEN), "the handshake")
	check_eq(served.get_requested_url(), "ws://game/room?a", "the URL")
	check_eq(client.get_connected_host(), "", "no host")
	check_eq(client.get_connected_port(), 0, "no port")
	client.set_no_delay(true)
	client.send_text("a")
	pair_until(pair, func() -> bool: return served.get_available_packet_count() == 1, "the message")


func test_websockets_work_over_the_engines_sockets() -> void:
	var server := TCPServer.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var client := WebSocketPeerRs.new()
	check_eq(client.connect_to_url("ws://127.0.0.1:%d" % server.get_local_port()), OK, "connect")
	spin_until(func() -> bool:
		client.poll()
		return server.is_connection_available(), "a connection")
	var served := WebSocketPeerRs.new()
	check_eq(served.accept_stream(server.take_connection()), OK, "accept_stream")
	var pair := {"client": client, "served": served}
	pair_until(pair, func() -> bool: return are_both(pair, STATE_OPEN), "the handshake")
	var much := _noise(3 << 20)
	for peer: WebSocketPeerRs in [client, served]:
		peer.inbound_buffer_size = 8 << 20
		peer.outbound_buffer_size = 8 << 20
	check_eq(served.send(much), OK, "send")
	pair_until(pair, func() -> bool: return client.get_available_packet_count() == 1, "the message")
	check(client.get_packet() == much, "the message")
	check_eq(served.get_connected_host(), LOOPBACK, "the host")
	served.close(4000)
	pair_until(pair, func() -> bool: return are_both(pair, STATE_CLOSED), "the end")
	check_eq(client.get_close_code(), 4000, "the code")


func test_websockets_work_over_tls_on_both_ends() -> void:
	var crypto: Object = quietly(func() -> Object: return ClassDB.instantiate("Crypto"))
	if crypto == null:
		return skip("this engine has no TLS")
	var key: Resource = crypto.generate_rsa(2048)
	var certificate: Resource = crypto.generate_self_signed_certificate(key, "CN=localhost")
	var server := TCPServerRs.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var client := WebSocketPeerRs.new()
	client.compression = true
	var options := TLSOptions.client(certificate)
	var url := "wss://localhost:%d/a" % server.get_local_port()
	check_eq(client.connect_to_url(url, options), OK, "connect_to_url")
	spin_until(func() -> bool:
		client.poll()
		return server.is_connection_available(), "a connection")
	var tls := StreamPeerTLS.new()
	check_eq(tls.accept_stream(server.take_connection(), TLSOptions.server(key, certificate)), OK,
			"the TLS of the server")
	var served := WebSocketPeerRs.new()
	served.compression = true
	check_eq(served.accept_stream(tls), OK, "accept_stream")
	var pair := {"client": client, "served": served}
	pair_until(pair, func() -> bool: return are_both(pair, STATE_OPEN), "the handshake")
	check_eq(served.get_requested_url(), url, "the URL of the server")
	check_eq(served.get_connected_host(), LOOPBACK, "the host")
	check(client.is_compressing() and served.is_compressing(), "it is compressed")
	for size in [5, 60000]:
		var bytes := _noise(size)
		check_eq(client.send(bytes), OK, "send")
		pair_until(pair, func() -> bool: return served.get_available_packet_count() == 1, "the message")
		check(served.get_packet() == bytes, "%d bytes" % size)
	served.send_text("last")
	served.close(4000, "bye")
	var log: Array = []
	_note(client, log)
	pair_until(pair, func() -> bool:
		return are_both(pair, STATE_CLOSED) and log.size() == 2, "the end")
	check_eq(log, [["packet", "last".to_utf8_buffer(), true], ["closed", 4000, "bye"]], "the signals")
	let_go(client)


func test_an_untrusted_certificate_ends_the_connect() -> void:
	var crypto: Object = quietly(func() -> Object: return ClassDB.instantiate("Crypto"))
	if crypto == null:
		return skip("this engine has no TLS")
	var key: Resource = crypto.generate_rsa(2048)
	var certificate: Resource = crypto.generate_self_signed_certificate(key, "CN=localhost")
	var server := TCPServerRs.new()
	server.listen(0, LOOPBACK)
	var client := WebSocketPeerRs.new()
	client.connect_to_url("wss://localhost:%d/" % server.get_local_port())
	spin_until(func() -> bool:
		client.poll()
		return server.is_connection_available(), "a connection")
	var tls := StreamPeerTLS.new()
	tls.accept_stream(server.take_connection(), TLSOptions.server(key, certificate))
	# The engine prints that it does not trust the certificate.
	quietly(func() -> void:
		spin_until(func() -> bool:
			tls.poll()
			client.poll()
			return client.get_ready_state() == STATE_CLOSED, "the end"))
	check_eq(client.get_close_code(), -1, "no code")
	check_eq(client.get_last_error_message(), "TLS: stream failed", "the reason")


func test_compressed_messages_are_smaller() -> void:
	for context: bool in [true, false]:
		var pair := websocket_pair(func(client: WebSocketPeerRs, served: WebSocketPeerRs) -> void:
			for peer: WebSocketPeerRs in [client, served]:
				peer.compression = true
				peer.compression_context_takeover = context
				peer.compression_window_bits = 12
				peer.compression_threshold = 100)
		check(pair.client.is_compressing() and pair.served.is_compressing(), "both compress")
		var text := "the same words again and again ".repeat(1000)
		var stream: StreamPeerTCPRs = pair.stream
		for i in 3:
			var before: int = stream.get_statistics().bytes_received
			check_eq(pair.client.send_text(text), OK, "send_text")
			pair_until(pair, func() -> bool:
				return pair.served.get_available_packet_count() == 1, "a message")
			check_eq(pair.served.get_packet().get_string_from_utf8(), text, "the text")
			var count: int = stream.get_statistics().bytes_received - before
			check(count < 1000, "%d bytes for %d characters" % [count, text.length()])
		var counts: Dictionary = pair.served.get_statistics()
		check_eq(counts.messages_received, 3, "messages")
		check_eq(counts.payload_bytes_received, 3 * text.length(), "bytes")


func test_one_side_alone_does_not_compress() -> void:
	var pair := websocket_pair(func(client: WebSocketPeerRs, _served: WebSocketPeerRs) -> void:
		client.compression = true)
	check(not pair.client.is_compressing() and not pair.served.is_compressing(), "nobody compresses")


func test_a_decompression_bomb_ends_in_1009() -> void:
	var pair := websocket_pair(func(client: WebSocketPeerRs, served: WebSocketPeerRs) -> void:
		client.compression = true
		client.outbound_buffer_size = 0
		served.compression = true
		served.max_message_bytes = 1 << 20)
	var zeros := PackedByteArray()
	zeros.resize(32 << 20)
	check_eq(pair.client.send(zeros), OK, "send")
	pair_until(pair, func() -> bool: return are_both(pair, STATE_CLOSED), "the end")
	check_eq(pair.client.get_close_code(), 1009, "the code")
	check_eq(pair.served.get_last_error_message(),
			"receive: message exceeds the limit of 1048576 bytes", "the reason")


func test_limits_may_change_while_it_is_open() -> void:
	var pair := websocket_pair()
	pair.served.inbound_buffer_size = 1 << 20
	pair.client.outbound_buffer_size = 1 << 20
	check_eq(pair.client.send(_noise(500000)), OK, "a long message")
	pair_until(pair, func() -> bool:
		return pair.served.get_available_packet_count() == 1, "it arrives")
	pair.served.max_message_bytes = 10
	check_eq(pair.client.send(_noise(11)), OK, "a message above the new limit")
	pair_until(pair, func() -> bool: return pair.served.get_ready_state() == STATE_CLOSED, "the end")
	check_eq(pair.served.get_close_code(), 1009, "the code")
	check_eq(pair.served.get_packet().size(), 500000, "the message before it can still be taken")


func test_frames_may_be_short() -> void:
	var pair := websocket_pair()
	pair.client.max_frame_bytes = 100
	var bytes := _noise(1050)
	var before: int = pair.stream.get_statistics().bytes_received
	check_eq(pair.client.send(bytes), OK, "send")
	pair_until(pair, func() -> bool:
		return pair.served.get_available_packet_count() == 1, "the message")
	check(pair.served.get_packet() == bytes, "the message")
	# Ten frames of 100 bytes and one of 50, each with a header of 6 bytes.
	check_eq(pair.stream.get_statistics().bytes_received - before, 1050 + 11 * 6, "bytes")


func test_a_broadcast_reaches_all_that_are_open() -> void:
	var pairs: Array[Dictionary] = []
	var served: Array[WebSocketPeerRs] = []
	for compresses: bool in [false, true, true]:
		var pair := websocket_pair(func(client: WebSocketPeerRs, server: WebSocketPeerRs) -> void:
			client.compression = compresses
			server.compression = compresses)
		pairs.append(pair)
		served.append(pair.served)
	var closed := WebSocketPeerRs.new()
	served.append(closed)
	var words := "a state of the world ".repeat(100)
	for i in 3:
		var refusing := WebSocketPeerRs.broadcast(served, words.to_utf8_buffer(),
				WebSocketPeerRs.WRITE_MODE_TEXT)
		check_eq(refusing, [closed] as Array[WebSocketPeerRs], "those that refused")
		for pair in pairs:
			pair.served.send_text("%d" % i)
			pair_until(pair, func() -> bool: return pair.client.get_available_packet_count() == 2, "both")
			check_eq(pair.client.get_packet().get_string_from_utf8(), words, "the words")
			check_eq(pair.client.was_string_packet(), true, "they are text")
			check_eq(pair.client.get_packet().get_string_from_utf8(), "%d" % i, "the number")
	check_eq(closed.get_last_error_message(), "send: WebSocket is not open", "the reason")
	check_eq(WebSocketPeerRs.broadcast(served, [0xff], 0), served, "a text that is none")
	quietly(func() -> void:
		check_eq(WebSocketPeerRs.broadcast([null, closed, 7], [1]), [closed] as Array[WebSocketPeerRs],
				"what is no WebSocket is left out"))


func test_drained_reports_that_everything_was_sent() -> void:
	var pair := websocket_pair(func(_client: WebSocketPeerRs, served: WebSocketPeerRs) -> void:
		served.inbound_buffer_size = 64 << 20)
	var client: WebSocketPeerRs = pair.client
	var drained: Array[int] = [0]
	client.drained.connect(func() -> void: drained[0] += 1)
	client.outbound_buffer_size = 0
	check_eq(client.send(_noise(32 << 20)), OK, "send")
	check(client.get_current_outbound_buffered_amount() > 0, "something waits")
	pair_until(pair, func() -> bool:
		return pair.served.get_available_packet_count() == 1, "the message")
	pair_until(pair, func() -> bool: return drained[0] == 1, "drained")
	check_eq(client.get_current_outbound_buffered_amount(), 0, "nothing waits")
	let_go(client)


func test_connect_to_url_does_not_block_on_lookups() -> void:
	var server := TCPServerRs.new()
	check_eq(server.listen(0), OK, "listen")
	var client := WebSocketPeerRs.new()
	var url := "localhost:%d" % server.get_local_port()
	var start := Time.get_ticks_msec()
	check_eq(client.connect_to_url(url), OK, "without a scheme")
	var taken := Time.get_ticks_msec() - start
	check(taken < TOO_LONG_MSEC, "localhost: the call took %d ms" % taken)
	spin_until(func() -> bool:
		client.poll()
		return server.is_connection_available(), "a connection")
	_check_a_lookup_that_hangs()


func test_the_reason_of_a_failed_connect_is_known() -> void:
	var end := endpoint("tcp")
	end.stop()
	var client := WebSocketPeerRs.new()
	var log: Array = []
	_note(client, log)
	client.connect_to_url("ws://127.0.0.1:%d" % end.port)
	spin_until(func() -> bool:
		client.poll()
		return not log.is_empty(), "the end")
	check_eq(log, [["closed", -1, ""]], "the signal")
	var message := client.get_last_error_message()
	check(message.contains("127.0.0.1:%d" % end.port), message)
	check(client.get_last_error() != OK, "there is an error")
	let_go(client)


func test_an_unfinished_handshake_times_out() -> void:
	var end := endpoint("tcp")
	var untrusted := dial(end)
	settle(untrusted)
	var served := WebSocketPeerRs.new()
	served.handshake_timeout = 0.05
	check_eq(served.accept_stream(accept(end)), OK, "accept_stream")
	untrusted.put_data("GET / HTTP/1.1\r\nHost: a".to_ascii_buffer())
	spin_until(func() -> bool:
		served.poll()
		return served.get_ready_state() == STATE_CLOSED, "the end")
	check_eq(served.get_last_error_message(), "handshake: timed out after 0.05 s", "the reason")
	reaches(untrusted, STATUS_NONE, "the client's end")


func test_two_threads_may_poll_and_send() -> void:
	var pair := websocket_pair()
	var client: WebSocketPeerRs = pair.client
	var sender := in_thread(func() -> void:
		for i in 300:
			client.send([i % 256, i / 256])
			client.poll())
	var received: Array[int] = []
	spin_until(func() -> bool:
		client.poll()
		pair.served.poll()
		while pair.served.get_available_packet_count() > 0:
			var packet: PackedByteArray = pair.served.get_packet()
			received.append(packet[0] + 256 * packet[1])
		return received.size() == 300, "all messages")
	join(sender, "the sender")
	check_eq(received, range(300) as Array[int], "in order")


func test_a_busy_main_thread_keeps_its_connections() -> void:
	for is_kept: bool in [true, false]:
		var pair := websocket_pair()
		var client: WebSocketPeerRs = pair.client
		pair.served.keep_alive_in_background = is_kept
		# On a busy machine, the background answers later. Without it, nobody ever does.
		var interval := System.patience(1000.0) / 1000.0 if is_kept else 0.1
		var seconds := PATIENCE + 6.0 * interval
		client.heartbeat_interval = interval
		var seen: Array[int] = []
		var other := in_thread(func() -> void:
			spin_until(func() -> bool:
				client.poll()
				return (client.get_statistics().pongs_received >= 3
						or client.get_ready_state() != STATE_OPEN), "three pongs, or the end", seconds)
			client.send_text("still there")
			seen.append(client.get_ready_state()))
		# This thread does nothing, as while a level is loaded.
		spin_until(func() -> bool: return not other.is_alive(), "the other thread", 2.0 * seconds)
		check_eq(seen, [STATE_OPEN if is_kept else STATE_CLOSED] as Array[int], "kept %s" % is_kept)
		if is_kept:
			var served: WebSocketPeerRs = pair.served
			check(served.get_statistics().pings_received >= 3, "pings were answered")
			spin_until(func() -> bool:
				served.poll()
				return served.get_available_packet_count() == 1, "the message")


func test_the_background_sends_our_pings() -> void:
	var pair := websocket_pair()
	var client: WebSocketPeerRs = pair.client
	var served: WebSocketPeerRs = pair.served
	served.keep_alive_in_background = true
	# On a busy machine, the client answers later.
	var interval := System.patience(1000.0) / 1000.0
	served.heartbeat_interval = interval
	spin_until(func() -> bool:
		client.poll()
		return served.get_statistics().pongs_received >= 2, "two answers without a poll",
		PATIENCE + 4.0 * interval)
	check(client.get_statistics().pings_received >= 2, "two pings")
	check_eq(served.get_ready_state(), STATE_OPEN, "it is open")


func test_the_background_sends_the_rest_of_a_large_message() -> void:
	var pair := websocket_pair(func(client: WebSocketPeerRs, served: WebSocketPeerRs) -> void:
		client.inbound_buffer_size = 64 << 20
		served.outbound_buffer_size = 0
		served.keep_alive_in_background = true)
	var client: WebSocketPeerRs = pair.client
	var served: WebSocketPeerRs = pair.served
	var message := PackedByteArray()
	var part := _noise(1 << 20)
	for i in 32:
		message.append_array(part)
	check_eq(served.send(message), OK, "send")
	check(served.get_current_outbound_buffered_amount() > 0, "something waits")
	spin_until(func() -> bool:
		client.poll()
		return client.get_available_packet_count() == 1, "the message without a poll")
	check(client.get_packet() == message, "the message")
	check_eq(served.get_current_outbound_buffered_amount(), 0, "nothing waits")


func test_the_background_answers_a_ping_behind_messages() -> void:
	var kept := _kept()
	var frames := PackedByteArray()
	for i in 10:
		frames.append_array([0x82, 0x81, 0, 0, 0, 0, i])
	kept.raw.put_data(frames + PING)
	_receives_a_pong(kept.raw, "the answer without a poll")
	check_eq(kept.served.get_statistics().messages_queued, 10, "the messages wait")
	for i in 10:
		check_eq(kept.served.get_packet(), PackedByteArray([i]), "message %d" % i)


func test_the_background_receives_no_more_than_the_limit() -> void:
	var kept := _kept(1000)
	var served: WebSocketPeerRs = kept.served
	# The thread serves it after the other one.
	var witness := _kept()
	var frame := PackedByteArray([0x82, 0xfe, 0x01, 0x90, 0, 0, 0, 0])
	frame.resize(frame.size() + 400)
	kept.raw.put_data(frame + frame + frame)
	spin_until(func() -> bool: return served.get_statistics().messages_queued == 3, "three messages")
	var taken: int = kept.stream.get_statistics().bytes_received
	kept.raw.put_data(frame + PING)
	# The thread has looked at both again before the second answer.
	for answer: String in ["the first answer", "the second answer"]:
		witness.raw.put_data(PING)
		_receives_a_pong(witness.raw, answer)
	check_eq(kept.stream.get_statistics().bytes_received, taken, "nothing more is received")
	check_eq(kept.raw.receive(), PackedByteArray(), "the ping has no answer")
	# Once there is room, it goes on.
	for i in 3:
		check_eq(served.get_packet().size(), 400, "a message")
	_receives_a_pong(kept.raw, "the answer without a poll")
	check_eq(served.get_statistics().messages_queued, 1, "the last message waits")


func test_what_cannot_be_kept_in_the_background_is_refused() -> void:
	var peer := WebSocketPeerRs.new()
	peer.keep_alive_in_background = true
	check(peer.keep_alive_in_background, "it is set")
	var words := "requires a socket of this addon without TLS"
	quietly(func() -> void:
		check_eq(peer.connect_to_url("wss://localhost:1/"), ERR_UNAVAILABLE, "connect_to_url"))
	check_eq(peer.get_last_error_message(),
			"connect_to_url: keep_alive_in_background " + words, "the words")
	var server := TCPServer.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var tcp := StreamPeerTCP.new()
	tcp.connect_to_host(LOOPBACK, server.get_local_port())
	quietly(func() -> void: check_eq(peer.accept_stream(tcp), ERR_UNAVAILABLE, "accept_stream"))
	peer.keep_alive_in_background = false
	check_eq(peer.accept_stream(tcp), OK, "accept_stream without it")
	quietly(func() -> void: peer.keep_alive_in_background = true)
	check(not peer.keep_alive_in_background, "it is not set")
	check_eq(peer.get_last_error_message(), "keep_alive_in_background: " + words, "the words")


func test_a_broadcast_in_an_unknown_mode_is_refused() -> void:
	var pair := websocket_pair()
	var sent := PackedByteArray([1])
	quietly(func() -> void:
		check_eq(WebSocketPeerRs.broadcast([pair.client], sent, 7), [pair.client], "refusing"))
	check_eq(pair.client.get_statistics().messages_sent, 0, "nothing is sent")


func test_a_peer_that_ends_its_direction_gets_the_close_frame() -> void:
	for with_message: bool in [false, true]:
		for way: String in ["handler", "get_packet", "group"]:
			var end := endpoint("tcp")
			var raw := dial(end)
			settle(raw)
			raw.allow_half_open = true
			var served := WebSocketPeerRs.new()
			served.accept_stream(accept(end))
			var group := StreamPeerSocketGroupRs.new()
			if way == "group":
				group.add(served)
				group.peer_packet_received.connect(
						func(_peer: PacketPeer, _packet: PackedByteArray) -> void: pass)
			elif way == "handler":
				served.packet_received.connect(func(_packet: PackedByteArray, _is_text: bool) -> void:
					pass)
			raw.put_data(REQUEST.to_ascii_buffer())
			var poll := func() -> void:
				if way == "group":
					group.poll()
				else:
					served.poll()
					if way == "get_packet":
						served.get_packet()
			var received := [PackedByteArray()]
			spin_until(func() -> bool:
				poll.call()
				received[0] += raw.receive()
				return received[0].get_string_from_ascii().ends_with("\r\n\r\n"), "the handshake")
			received[0] = PackedByteArray()
			var frames := PackedByteArray()
			if with_message:
				frames.append_array([0x81, 0x81, 0, 0, 0, 0, 0x61])
			frames.append_array([0x88, 0x82, 0, 0, 0, 0, 0x0f, 0xa0])
			raw.put_data(frames)
			raw.shutdown_write()
			spin_until(func() -> bool:
				poll.call()
				raw.poll()
				received[0] += raw.receive()
				return raw.get_status() != STATUS_CONNECTED, "the end")
			check_eq(received[0], PackedByteArray([0x88, 2, 0x0f, 0xa0]),
					"the close frame, %s, %s" % [way, with_message])
			check_eq(served.get_close_code(), 4000, "the code")
			let_go(group)
			let_go(served)


func test_a_flood_takes_only_its_share_of_a_poll() -> void:
	var pair := websocket_pair(func(client: WebSocketPeerRs, served: WebSocketPeerRs) -> void:
		client.outbound_buffer_size = 1 << 24
		client.max_queued_packets = 1 << 20
		served.max_packets_per_poll = 100)
	check_eq(WebSocketPeerRs.new().max_packets_per_poll, 256, "the default")
	var served: WebSocketPeerRs = pair.served
	var numbers: Array[int] = []
	served.packet_received.connect(func(packet: PackedByteArray, _is_text: bool) -> void:
		numbers.append(packet.decode_u64(0)))
	var message := PackedByteArray()
	message.resize(16)
	for number in 5000:
		message.encode_u64(0, number)
		check_eq(pair.client.send(message), OK, "send")
	var most := [0]
	spin_until(func() -> bool:
		pair.client.poll()
		var before := numbers.size()
		served.poll()
		most[0] = maxi(most[0], numbers.size() - before)
		return numbers.size() == 5000, "all")
	check_eq(most[0], 100, "the most in one poll")
	check_eq(numbers, Array(range(5000), TYPE_INT, "", null), "in order")
	# The last ones arrive without a further byte, and before the end.
	numbers.clear()
	served.closed.connect(func(_code: int, _reason: String) -> void: numbers.append(-1))
	for number in 250:
		message.encode_u64(0, number)
		pair.client.send(message)
	pair.client.close()
	pair_until(pair, func() -> bool: return numbers.has(-1), "the end")
	check_eq(numbers, Array(range(250), TYPE_INT, "", null) + [-1], "the end comes last")
	let_go(served)


func test_handlers_that_poll_for_each_message_do_not_nest_without_end() -> void:
	var pair := websocket_pair(func(client: WebSocketPeerRs, served: WebSocketPeerRs) -> void:
		client.outbound_buffer_size = 1 << 24
		served.max_packets_per_poll = 0)
	var depth := [0, 0, 0]
	pair.served.packet_received.connect(func(_packet: PackedByteArray, _is_text: bool) -> void:
		depth[0] += 1
		depth[1] = maxi(depth[0], depth[1])
		depth[2] += 1
		pair.served.poll()
		depth[0] -= 1)
	for number in 3000:
		pair.client.send([1])
	pair_until(pair, func() -> bool: return depth[2] == 3000, "all")
	check(depth[1] <= 17, "%d polls in each other" % depth[1])
	let_go(pair.served)
	pair.clear()


func test_the_answer_to_a_ping_counts_after_a_long_frame() -> void:
	var pair := websocket_pair()
	var served: WebSocketPeerRs = pair.served
	spin_until(func() -> bool:
		served.poll()
		return served.get_current_outbound_buffered_amount() == 0, "sent")
	served.heartbeat_interval = 0.1
	# The client is polled last, so the served one has not received the answer.
	spin_until(func() -> bool:
		served.poll()
		pair.client.poll()
		return pair.client.get_statistics().pings_received == 1, "the ping")
	# The answer is there, and the game is busy, for longer than the interval. Of a frame of more
	# than 350 ms, only a part would count.
	OS.delay_msec(150)
	served.poll()
	check_eq(served.get_ready_state(), STATE_OPEN, "it is open")
	check_eq(served.get_statistics().pongs_received, 1, "the answer")


func test_interim_responses_are_skipped() -> void:
	var end := endpoint("tcp")
	var client := WebSocketPeerRs.new()
	client.connect_to_stream(dial(end), "ws://localhost/")
	var server := accept(end)
	server.put_data("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
			.to_ascii_buffer())
	for i in 5:
		client.poll()
	check_eq(client.get_ready_state(), STATE_CONNECTING, "it waits for the answer")
	var served := WebSocketPeerRs.new()
	served.accept_stream(server)
	pair_until({"client": client, "served": served}, func() -> bool:
		return client.get_ready_state() == STATE_OPEN, "the handshake")


# It needs a process with another resolver.
func _check_a_lookup_that_hangs() -> void:
	var environment := {}
	if EngineProcess.available():
		environment = EngineProcess.resolver(fresh_path().get_base_dir())
	if environment.is_empty():
		return leave_out("preloading a resolver needs Linux and a C compiler")
	var result := EngineProcess.run("children/websocket_lookup.gd", [], environment)
	var output: String = result["output"]
	check_eq(result["code"], 0, "exit code: " + output)
	check(output.contains("asked true\n"), "the resolver was asked: " + output)
	check(output.contains("closed -1, handshake: timed out after 0.1 s\n"), "the end: " + output)
	for call: String in ["connect_to_url", "poll"]:
		var words := output.get_slice(call + " took ", 1).get_slice(" ms", 0)
		check(words.is_valid_int(), "%s has a time: %s" % [call, output])
		check(words.to_int() < TOO_LONG_MSEC, "%s took %s ms" % [call, words])


## A WebSocket that is kept alive in the background, and not polled after its handshake: the key
## `served`. `stream` is its stream, and `raw` is the socket at the other end.
func _kept(inbound_bytes := 65535) -> Dictionary:
	var end := endpoint("tcp")
	var raw: StreamPeerTCPRs = dial(end)
	settle(raw)
	var stream := accept(end)
	var served := WebSocketPeerRs.new()
	served.keep_alive_in_background = true
	served.inbound_buffer_size = inbound_bytes
	check_eq(served.accept_stream(stream), OK, "accept_stream")
	raw.put_data(REQUEST.to_ascii_buffer())
	var answer := [""]
	spin_until(func() -> bool:
		served.poll()
		answer[0] += raw.receive().get_string_from_ascii()
		return answer[0].ends_with("\r\n\r\n"), "the handshake")
	return {"raw": raw, "served": served, "stream": stream}


## Waits until `raw` has received the answer to PING, and nothing else.
func _receives_a_pong(raw: StreamPeerTCPRs, what: String) -> void:
	var received := [PackedByteArray()]
	spin_until(func() -> bool:
		received[0] += raw.receive()
		return received[0].size() >= PONG.size(), what)
	check_eq(received[0], PONG, what)


func _note(peer: WebSocketPeerRs, log: Array) -> void:
	peer.connected.connect(func() -> void: log.append(["connected"]))
	peer.packet_received.connect(func(packet: PackedByteArray, is_text: bool) -> void:
		log.append(["packet", packet, is_text]))
	peer.closed.connect(func(code: int, reason: String) -> void:
		log.append(["closed", code, reason]))


func _noise(count: int) -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(count)
	for i in range(0, count, 7):
		bytes[i] = (i * 31 + i / 256) % 256
	return bytes
