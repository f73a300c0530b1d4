extends "res://tests/support/websocket_case.gd"
## The engine's WebSocketPeer and ours, with the same assertions.


func test_a_new_peer_has_the_engines_values() -> void:
	var peer := new_websocket()
	check_eq(peer.get_ready_state(), STATE_CLOSED, "state")
	check_eq(peer.get_close_code(), -1, "close code")
	check_eq(peer.get_close_reason(), "", "close reason")
	check_eq(peer.get_requested_url(), "", "URL")
	check_eq(peer.get_selected_protocol(), "", "protocol")
	check_eq(peer.get_available_packet_count(), 0, "packets")
	check_eq(peer.get_current_outbound_buffered_amount(), 0, "buffered amount")
	check_eq(peer.was_string_packet(), false, "string packet")
	check_eq(peer.inbound_buffer_size, 65535, "inbound_buffer_size")
	check_eq(peer.outbound_buffer_size, 65535, "outbound_buffer_size")
	check_eq(peer.max_queued_packets, 4096, "max_queued_packets")
	check_eq(peer.heartbeat_interval, 0.0, "heartbeat_interval")
	check_eq(peer.handshake_headers, PackedStringArray(), "handshake_headers")
	check_eq(peer.supported_protocols, PackedStringArray(), "supported_protocols")
	peer.poll()
	peer.close()
	quietly(func() -> void:
		check_eq(peer.get_packet(), PackedByteArray(), "no packet")
		check_eq(peer.get_packet_error(), FAILED, "get_packet fails")
		check_eq(peer.send_text("a"), FAILED, "send_text fails")
		check_eq(peer.send([1]), FAILED, "send fails")
		check_eq(peer.put_packet([1]), FAILED, "put_packet fails"))


func test_messages_of_both_kinds_go_both_ways() -> void:
	var pair := websocket_pair()
	for ends: Array in [[pair.client, pair.served], [pair.served, pair.client]]:
		var from: PacketPeer = ends[0]
		var to: PacketPeer = ends[1]
		check_eq(from.send_text("κόσμε"), OK, "send_text")
		check_eq(from.send([1, 2, 3]), OK, "send")
		check_eq(from.put_packet([4]), OK, "put_packet")
		check_eq(from.send("text".to_utf8_buffer(), 0), OK, "send as text")
		check_eq(from.send([]), OK, "send nothing")
		pair_until(pair, func() -> bool: return to.get_available_packet_count() == 5, "five packets")
		check_eq(to.get_packet().get_string_from_utf8(), "κόσμε", "the text")
		check_eq(to.was_string_packet(), true, "it is text")
		check_eq(to.get_packet(), PackedByteArray([1, 2, 3]), "the bytes")
		check_eq(to.was_string_packet(), false, "they are no text")
		check_eq(to.get_packet(), PackedByteArray([4]), "the packet")
		check_eq(to.get_packet(), PackedByteArray("text".to_utf8_buffer()), "bytes sent as text")
		check_eq(to.was_string_packet(), true, "they are text")
		check_eq(to.get_packet(), PackedByteArray(), "an empty packet")
		check_eq(to.get_packet_error(), OK, "it is one")
		check_eq(to.get_packet(), PackedByteArray(), "no packet")
		check_eq(to.get_packet_error(), ERR_UNAVAILABLE, "there is none")


func test_variants_go_through() -> void:
	var pair := websocket_pair()
	check_eq(pair.client.put_var({"a": [1, "b"]}), OK, "put_var")
	pair_until(pair, func() -> bool: return pair.served.get_available_packet_count() == 1, "a packet")
	check_eq(pair.served.get_var(), {"a": [1, "b"]}, "get_var")


func test_both_ends_know_url_and_protocol() -> void:
	var protocols := PackedStringArray(["b", "a"])
	var pair := websocket_pair(func(client: PacketPeer, served: PacketPeer) -> void:
		client.supported_protocols = ["a", "b"]
		served.supported_protocols = protocols
		client.handshake_headers = ["X-Test: 1"], "/chat?room=1")
	check_eq(pair.client.get_selected_protocol(), "a", "the client's first choice")
	check_eq(pair.served.get_selected_protocol(), "a", "the server's protocol")
	var port: int = pair.server.get_local_port()
	var url := "ws://127.0.0.1:%d/chat?room=1" % port
	check_eq(pair.client.get_requested_url(), url, "the client's URL")
	check_eq(pair.served.get_requested_url(), url, "the server's URL")
	check_eq(pair.client.get_connected_host(), LOOPBACK, "the client's host")
	check_eq(pair.client.get_connected_port(), port, "the client's port")
	check_eq(pair.served.get_connected_host(), LOOPBACK, "the server's host")
	pair.client.set_no_delay(false)
	pair.served.set_no_delay(true)


func test_a_clean_close_from_either_end() -> void:
	for closes in ["client", "served"]:
		var pair := websocket_pair()
		var from: PacketPeer = pair[closes]
		var to: PacketPeer = pair["served" if closes == "client" else "client"]
		from.close(4001, "why")
		check_eq(from.get_ready_state(), STATE_CLOSING, closes + ": closing")
		check_eq(from.get_close_code(), -1, closes + ": no code yet")
		pair_until(pair, func() -> bool:
			return from.get_ready_state() == STATE_CLOSED and to.get_ready_state() == STATE_CLOSED,
			"both to be closed")
		check_eq(to.get_close_code(), 4001, closes + ": the other end's code")
		check_eq(to.get_close_reason(), "why", closes + ": the other end's reason")
		check_eq(from.get_close_code(), 4001, closes + ": the answer's code")


func test_an_end_without_a_close_frame_has_no_code() -> void:
	var pair := websocket_pair()
	pair.client.close(-1)
	check_eq(pair.client.get_ready_state(), STATE_CLOSED, "closed at once")
	check_eq(pair.client.get_close_code(), -1, "no code")
	pair_until(pair, func() -> bool: return pair.served.get_ready_state() == STATE_CLOSED, "the end")
	check_eq(pair.served.get_close_code(), -1, "the other end has no code")


func test_a_peer_in_use_is_refused() -> void:
	var pair := websocket_pair()
	var url := "ws://127.0.0.1:%d" % pair.server.get_local_port()
	quietly(func() -> void:
		check_eq(pair.client.connect_to_url(url), ERR_ALREADY_IN_USE, "connect_to_url")
		check_eq(pair.served.accept_stream(pair.stream), ERR_ALREADY_IN_USE, "accept_stream")
		check_eq(new_websocket().accept_stream(null), ERR_INVALID_PARAMETER, "no stream")
		check_eq(new_websocket().accept_stream(StreamPeerBuffer.new()), ERR_INVALID_PARAMETER,
				"a buffer"))


func test_invalid_urls_are_refused() -> void:
	for url in ["", "http://127.0.0.1/", "ws://127.0.0.1:70000", "ftp://a"]:
		quietly(func() -> void:
			check_eq(new_websocket().connect_to_url(url), ERR_INVALID_PARAMETER, url))


func test_a_refused_connection_closes() -> void:
	var end := endpoint("tcp")
	end.stop()
	var peer := new_websocket()
	# No time limit may end it. The engine's class has no such property.
	peer.set("handshake_timeout", 0.0)
	check_eq(peer.connect_to_url("ws://127.0.0.1:%d" % end.port), OK, "connect_to_url")
	check_eq(peer.get_ready_state(), STATE_CONNECTING, "connecting")
	spin_until(func() -> bool:
		peer.poll()
		return peer.get_ready_state() == STATE_CLOSED, "the end")
	check_eq(peer.get_close_code(), -1, "code")


func test_a_peer_can_be_used_again() -> void:
	var pair := websocket_pair()
	pair.client.close()
	pair_until(pair, func() -> bool: return pair.client.get_ready_state() == STATE_CLOSED, "the end")
	var again := websocket_pair(Callable(), "/", pair.client)
	check_eq(again.client.send_text("again"), OK, "send_text")
	pair_until(again, func() -> bool:
		return again.served.get_available_packet_count() == 1, "a packet")
	check_eq(again.client.get_close_code(), -1, "the code of the last end is gone")


func test_a_message_above_the_limit_ends_in_1009() -> void:
	var pair := websocket_pair(func(_client: PacketPeer, served: PacketPeer) -> void:
		served.inbound_buffer_size = 1000)
	check_eq(pair.client.send(_zeros(1000)), OK, "a message of that size")
	pair_until(pair, func() -> bool:
		return pair.served.get_available_packet_count() == 1, "it arrives")
	check_eq(pair.served.get_packet().size(), 1000, "its size")
	check_eq(pair.client.send(_zeros(5000)), OK, "a longer message")
	pair_until(pair, func() -> bool:
		return (pair.served.get_ready_state() == STATE_CLOSED
				and pair.client.get_ready_state() == STATE_CLOSED), "the end")
	check_eq(pair.served.get_close_code(), 1009, "the code")
	check_eq(pair.served.get_close_reason(), "Message too big", "the reason")
	check_eq(pair.client.get_close_code(), 1009, "the other end's code")


func test_more_than_the_outbound_buffer_is_refused() -> void:
	var pair := websocket_pair(func(client: PacketPeer, _served: PacketPeer) -> void:
		client.outbound_buffer_size = 100)
	check_eq(pair.client.send(_zeros(100)), OK, "a message that fits")
	quietly(func() -> void:
		check_eq(pair.client.send(_zeros(101)), ERR_OUT_OF_MEMORY, "a message that does not"))
	pair.client.outbound_buffer_size = 0
	check_eq(pair.client.send(_zeros(200)), OK, "without a limit")


func test_packets_that_are_not_taken_stay_with_the_sender() -> void:
	var pair := websocket_pair(func(_client: PacketPeer, served: PacketPeer) -> void:
		served.max_queued_packets = 8)
	for i in 20:
		check_eq(pair.client.send([i]), OK, "send %d" % i)
	var received: Array[int] = []
	pair_until(pair, func() -> bool:
		check(pair.served.get_available_packet_count() <= 8, "at most eight are queued")
		if pair.served.get_available_packet_count() > 0:
			received.append(pair.served.get_packet()[0])
		return received.size() == 20, "all of them")
	check_eq(received, range(20) as Array[int], "in order")


func test_a_heartbeat_keeps_a_connection() -> void:
	# The engine's client gives up if an interval passes between its ping and its next poll.
	var interval := System.patience(400.0) / 1000.0
	var pair := websocket_pair(func(client: PacketPeer, _served: PacketPeer) -> void:
		client.heartbeat_interval = interval)
	# Without answers, a client gives up after two intervals at most.
	var deadline := Time.get_ticks_msec() + 2500.0 * interval
	spin_until(func() -> bool:
		pair.client.poll()
		pair.served.poll()
		return Time.get_ticks_msec() > deadline, "two heartbeats", PATIENCE + 4.0 * interval)
	check_eq(pair.client.get_ready_state(), STATE_OPEN, "the client is open")


func test_a_silent_peer_is_disconnected_after_two_heartbeats() -> void:
	var pair := websocket_pair(func(client: PacketPeer, _served: PacketPeer) -> void:
		client.heartbeat_interval = 0.05)
	spin_until(func() -> bool:
		pair.client.poll()
		return pair.client.get_ready_state() == STATE_CLOSED, "the end")
	check_eq(pair.client.get_close_code(), -1, "no code")


func _zeros(count: int) -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(count)
	return bytes
