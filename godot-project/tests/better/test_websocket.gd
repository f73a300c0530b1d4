extends "res://tests/support/websocket_case.gd"
## What the engine's WebSocketPeer gets wrong.


func test_a_message_that_comes_with_the_close_is_delivered() -> void:
	var pair := websocket_pair()
	pair.served.send_text("last words")
	pair.served.close(4000, "bye")
	var received := [""]
	spin_until(func() -> bool:
		pair.client.poll()
		while (pair.client.get_ready_state() == STATE_OPEN
				and pair.client.get_available_packet_count() > 0):
			received[0] += pair.client.get_packet().get_string_from_utf8()
		return pair.client.get_ready_state() == STATE_CLOSED, "the end")
	check_eq(received[0], "last words", "the message")
	check_eq(pair.client.get_close_code(), 4000, "the code")


func test_a_ping_is_answered_while_the_main_thread_is_busy() -> void:
	var pair := websocket_pair()
	pair.served.set("keep_alive_in_background", true)
	var client: PacketPeer = pair.client
	# On a busy machine, the answer comes later.
	var interval := System.patience(1500.0) / 1000.0
	var seconds := PATIENCE + 4.0 * interval
	client.heartbeat_interval = interval
	var state: Array[int] = [0]
	var other := in_thread(func() -> void:
		# The engine's client does not count answers. Without one, it gives up.
		spin_until(func() -> bool:
			client.poll()
			return (client.get_ready_state() != STATE_OPEN
					or (client.has_method("get_statistics")
					and client.call("get_statistics").pongs_received > 0)), "a pong, or the end", seconds)
		state[0] = client.get_ready_state())
	spin_until(func() -> bool: return not other.is_alive(), "the other thread", 2.0 * seconds)
	check_eq(state[0], STATE_OPEN, "the client's state")


func test_limits_may_change_while_it_is_open() -> void:
	var pair := websocket_pair()
	pair.served.inbound_buffer_size = 1 << 20
	pair.client.outbound_buffer_size = 1 << 20
	var bytes := PackedByteArray()
	bytes.resize(200000)
	check_eq(pair.client.send(bytes), OK, "send")
	spin_until(func() -> bool:
		pair.client.poll()
		pair.served.poll()
		return (pair.served.get_available_packet_count() == 1
				or pair.served.get_ready_state() == STATE_CLOSED), "the message, or the end")
	check_eq(pair.served.get_available_packet_count(), 1, "packets")
