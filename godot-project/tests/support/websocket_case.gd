extends "res://tests/support/test_case.gd"
## The base of the tests of WebSockets: an open client and server of the tested family.

const STATE_CONNECTING := 0
const STATE_OPEN := 1
const STATE_CLOSING := 2
const STATE_CLOSED := 3


func new_websocket() -> PacketPeer:
	return ClassDB.instantiate(family.class_of("WebSocketPeer"))


## An open client and server with their listener and the server's stream: the keys `client`,
## `served`, `server` and `stream`. `prepare` gets client and server before the handshake.
func websocket_pair(prepare := Callable(), path := "/", client: PacketPeer = null) -> Dictionary:
	var pair := {"client": client if client else new_websocket(), "served": new_websocket()}
	pair.server = family.server("tcp")
	check_eq(pair.server.listen(0, LOOPBACK), OK, "listen")
	if prepare.is_valid():
		prepare.call(pair.client, pair.served)
	var url := "ws://127.0.0.1:%d%s" % [pair.server.get_local_port(), path]
	check_eq(pair.client.connect_to_url(url), OK, "connect_to_url")
	spin_until(func() -> bool:
		pair.client.poll()
		return pair.server.is_connection_available(), "a connection")
	pair.stream = pair.server.take_connection()
	check_eq(pair.served.accept_stream(pair.stream), OK, "accept_stream")
	check_eq(pair.served.get_ready_state(), STATE_CONNECTING, "the handshake begins")
	pair_until(pair, func() -> bool: return are_both(pair, STATE_OPEN), "the handshake")
	return pair


## Polls both ends until `condition` is true.
func pair_until(pair: Dictionary, condition: Callable, what: String) -> void:
	spin_until(func() -> bool:
		pair.client.poll()
		pair.served.poll()
		return condition.call(), what)


## Whether both ends are in `state`.
func are_both(pair: Dictionary, state: int) -> bool:
	return pair.client.get_ready_state() == state and pair.served.get_ready_state() == state
