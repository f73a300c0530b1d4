extends "res://tests/support/test_case.gd"
## What the engine's WebSocketPeer gets wrong.

const STATE_OPEN := 1
const STATE_CLOSED := 3


func test_a_message_that_comes_with_the_close_is_delivered() -> void:
	var pair := _pair()
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
	var pair := _pair()
	pair.served.set("keep_alive_in_background", true)
	var client: PacketPeer = pair.client
	client.heartbeat_interval = 0.4
	var state: Array[int] = [0]
	var other := in_thread(func() -> void:
		var end := Time.get_ticks_msec() + 1500
		while Time.get_ticks_msec() < end and client.get_ready_state() == STATE_OPEN:
			client.poll()
			OS.delay_msec(5)
		state[0] = client.get_ready_state())
	spin_until(func() -> bool: return not other.is_alive(), "the other thread")
	check_eq(state[0], STATE_OPEN, "the client's state")


func test_limits_may_change_while_it_is_open() -> void:
	var pair := _pair()
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


func _pair() -> Dictionary:
	var server: RefCounted = family.server("tcp")
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var client: PacketPeer = ClassDB.instantiate(family.class_of("WebSocketPeer"))
	var served: PacketPeer = ClassDB.instantiate(family.class_of("WebSocketPeer"))
	client.connect_to_url("ws://127.0.0.1:%d" % server.get_local_port())
	spin_until(func() -> bool:
		client.poll()
		return server.is_connection_available(), "a connection")
	served.accept_stream(server.take_connection())
	spin_until(func() -> bool:
		client.poll()
		served.poll()
		return client.get_ready_state() == STATE_OPEN and served.get_ready_state() == STATE_OPEN,
		"the handshake")
	return {"server": server, "client": client, "served": served}
