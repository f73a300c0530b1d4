extends "res://tests/support/test_case.gd"
## Random programs over two groups of WebSockets, with handlers that make random calls. Each
## listener must get each message once and in order, and each group the end of each member once.

const SEEDS := 8
const CHANNELS := 6
const STEPS := 300
## How deep handlers may act within handlers.
const MAX_DEPTH := 4

var _random := RandomNumberGenerator.new()
var _groups: Array[StreamPeerSocketGroupRs] = []
var _channels: Array[Channel] = []
var _depth := 0


## A WebSocket, its client, and counts of what was sent and received.
class Channel:
	var number := 0
	var peer: WebSocketPeerRs
	var client := WebSocketPeerRs.new()
	var sent := 0
	var listens := false
	## How many messages its own handler has received.
	var received := 0
	var own_ends := 0
	var members: Array[bool] = [false, false]
	## The same for each group, or -1 if the peer was removed and added again, which drops waiting
	## messages.
	var received_by: Array[int] = [0, 0]
	var ends: Array[int] = [0, 0]
	var opened: Array[int] = [0, 0]


func test_random_programs_lose_and_repeat_no_event() -> void:
	for seed_number in SEEDS:
		_random.seed = seed_number
		_begin()
		for step in STEPS:
			match _random.randi() % 6:
				0:
					_groups[0].poll(_random.randi() % 2)
				1:
					_groups[1].poll()
				2:
					_any().peer.poll()
				_:
					_send(_any())
		_end("seed %d" % seed_number)


func _begin() -> void:
	for index in 2:
		var group := StreamPeerSocketGroupRs.new()
		group.max_packets_per_poll = 1 + _random.randi() % 8
		group.peer_connected.connect(_on_connected.bind(index))
		group.peer_packet_received.connect(_on_packet.bind(index))
		group.peer_disconnected.connect(_on_disconnected.bind(index))
		_groups.append(group)
	var server := TCPServerRs.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	for number in CHANNELS:
		var channel := Channel.new()
		channel.number = number
		channel.client.connect_to_url("ws://127.0.0.1:%d" % server.get_local_port())
		channel.client.outbound_buffer_size = 1 << 24
		channel.client.compression = _random.randi() % 2 == 0
		spin_until(func() -> bool:
			channel.client.poll()
			return server.is_connection_available(), "a connection")
		channel.peer = WebSocketPeerRs.new()
		channel.peer.compression = true
		channel.peer.inbound_buffer_size = 100 + _random.randi() % 10000
		channel.peer.max_message_bytes = 10000
		channel.peer.max_queued_packets = 1 + _random.randi() % 10
		channel.peer.keep_alive_in_background = _random.randi() % 3 == 0
		channel.peer.accept_stream(server.take_connection())
		channel.listens = _random.randi() % 2 == 0
		if channel.listens:
			channel.peer.packet_received.connect(_on_own_packet.bind(number))
			channel.peer.closed.connect(func(_code: int, _reason: String) -> void:
				channel.own_ends += 1)
		_channels.append(channel)
		for index in 2:
			channel.members[index] = _random.randi() % 3 > 0
			if channel.members[index]:
				_groups[index].add(channel.peer)
	spin_until(func() -> bool:
		for group in _groups:
			group.poll()
		return _channels.all(func(channel: Channel) -> bool:
			channel.client.poll()
			channel.peer.poll()
			return channel.client.get_ready_state() == WebSocketPeerRs.STATE_OPEN), "open")


func _end(name: String) -> void:
	for channel in _channels:
		channel.client.close(4000)
	spin_until(func() -> bool:
		for group in _groups:
			group.poll()
		return _channels.all(func(channel: Channel) -> bool:
			channel.client.poll()
			channel.peer.poll()
			var state := channel.peer.get_ready_state()
			return state == WebSocketPeerRs.STATE_CLOSED or not _has_listener(channel)), name + ": the ends")
	for i in 3:
		for group in _groups:
			group.max_packets_per_poll = 0
			group.poll()
		for channel in _channels:
			channel.peer.poll()
	for channel in _channels:
		var what := "%s, channel %d" % [name, channel.number]
		if channel.listens:
			check_eq(channel.received, channel.sent, what + ": messages of its own handler")
			check_eq(channel.own_ends, 1, what + ": its own end")
		for index in 2:
			check(channel.ends[index] <= 1, "%s: its end in group %d at most once" % [what, index])
			# The session of a member that was added again may have ended before.
			if channel.members[index] and channel.received_by[index] >= 0:
				check_eq(channel.opened[index], 1, "%s: its beginning in group %d" % [what, index])
				check_eq(channel.ends[index], 1, "%s: its end in group %d" % [what, index])
				check_eq(channel.received_by[index], channel.sent, "%s: messages of group %d" % [what, index])
		let_go(channel.peer)
	for group in _groups:
		let_go(group)
	_groups.clear()
	_channels.clear()


func _has_listener(channel: Channel) -> bool:
	return channel.listens or channel.members.has(true)


func _any() -> Channel:
	return _channels[_random.randi() % _channels.size()]


func _send(channel: Channel) -> void:
	for i in _random.randi() % 4:
		var most := 20 if _random.randi() % 10 > 0 else 3000
		var text := "%d:%d:%s" % [channel.number, channel.sent, "x".repeat(_random.randi() % most)]
		if channel.client.send(text.to_ascii_buffer(), channel.sent % 2) == OK:
			channel.sent += 1
	channel.client.poll()


# Checks the number of the message, and returns the number of messages received so far.
func _checked_number(channel: Channel, packet: PackedByteArray, expected: int) -> int:
	var parts := packet.get_string_from_ascii().split(":")
	check_eq(parts[0].to_int(), channel.number, "the channel of the message")
	var number := parts[1].to_int()
	if expected >= 0:
		check_eq(number, expected, "channel %d: the number of a message" % channel.number)
	return number + 1


func _on_own_packet(packet: PackedByteArray, is_text: bool, number: int) -> void:
	var channel := _channels[number]
	channel.received = _checked_number(channel, packet, channel.received)
	check_eq(is_text, channel.received % 2 == 1, "text or bytes")
	check_eq(channel.own_ends, 0, "before the end")
	_act(channel)


func _on_connected(peer: WebSocketPeerRs, index: int) -> void:
	_of(peer).opened[index] += 1


func _on_packet(peer: WebSocketPeerRs, packet: PackedByteArray, index: int) -> void:
	var channel := _of(peer)
	check(channel.members[index], "a message of a member")
	channel.received_by[index] = _checked_number(channel, packet, channel.received_by[index])
	check_eq(peer.was_string_packet(), channel.received_by[index] % 2 == 1, "text or bytes")
	check_eq(channel.ends[index], 0, "before the end")
	_act(channel)


func _on_disconnected(peer: WebSocketPeerRs, error: Error, index: int) -> void:
	var channel := _of(peer)
	check(channel.members[index], "the end of a member")
	check_eq(error, ERR_FILE_EOF, "its error")
	channel.ends[index] += 1
	_act(channel)


func _of(peer: WebSocketPeerRs) -> Channel:
	for channel in _channels:
		if channel.peer == peer:
			return channel
	return null


# The random actions of a handler.
func _act(channel: Channel) -> void:
	if _depth >= MAX_DEPTH:
		return
	_depth += 1
	var index := _random.randi() % 2
	match _random.randi() % 20:
		0, 1:
			_groups[index].poll(_random.randi() % 2)
		2, 3:
			channel.peer.poll()
		4:
			_groups[index].broadcast([1, 2])
		5:
			_send(_any())
		6:
			_any().peer.get_available_packet_count()
		7:
			_groups[index].wake()
		8:
			if channel.members[index] and _random.randi() % 3 == 0:
				_groups[index].remove(channel.peer)
				channel.members[index] = false
		9:
			if channel.members[index]:
				_groups[index].remove(channel.peer)
				_groups[index].add(channel.peer)
				channel.received_by[index] = -1
	_depth -= 1
