extends "res://tests/support/test_case.gd"
## Random programs over two groups of packet peers, with handlers that make random calls. Each
## listener must get each packet once and in order, and each group the end of each member once.

const SEEDS := 12
const CHANNELS := 8
const STEPS := 400
## How deep handlers may act within handlers.
const MAX_DEPTH := 4

var _random := RandomNumberGenerator.new()
var _groups: Array[StreamPeerSocketGroupRs] = []
var _channels: Array[Channel] = []
var _depth := 0


## A packet peer, the other end of its stream, and counts of what was sent and received.
class Channel:
	var number := 0
	var packets := PacketPeerSocketRs.new()
	var writer: StreamPeerSocketRs
	## The part of the last packet that is not sent yet.
	var rest := PackedByteArray()
	var sent := 0
	var listens := false
	## How many packets its own handler has received.
	var received := 0
	var members: Array[bool] = [false, false]
	## The same for each group, or -1 if the peer was removed and added again, which drops waiting
	## packets.
	var received_by: Array[int] = [0, 0]
	var ends: Array[int] = [0, 0]


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
					_any().packets.poll()
				_:
					_send(_any())
		_end("seed %d" % seed_number)


func _begin() -> void:
	for index in 2:
		var group := StreamPeerSocketGroupRs.new()
		group.peer_packet_received.connect(_on_packet.bind(index))
		group.peer_disconnected.connect(_on_disconnected.bind(index))
		_groups.append(group)
	for number in CHANNELS:
		var pair := link(family.kinds()[number % family.kinds().size()])
		var channel := Channel.new()
		channel.number = number
		channel.packets.framing = _random.randi() % 3 as PacketPeerSocketRs.Framing
		channel.packets.stream = pair.client
		channel.writer = pair.served
		channel.writer.write_buffer_limit = 1 << 24
		pair.client.write_buffer_limit = 1 << 24
		pair.client.coalesce_writes = _random.randi() % 3 == 0
		channel.listens = _random.randi() % 2 == 0
		if channel.listens:
			channel.packets.packet_received.connect(_on_own_packet.bind(number))
		for index in 2:
			channel.members[index] = _random.randi() % 3 > 0
			if channel.members[index]:
				_groups[index].add(channel.packets)
		_channels.append(channel)


func _end(name: String) -> void:
	for channel in _channels:
		channel.writer.put_data(channel.rest)
		channel.writer.disconnect_from_host()
	spin_until(func() -> bool:
		for group in _groups:
			group.poll()
		return _channels.all(func(channel: Channel) -> bool:
			channel.packets.poll()
			return channel.packets.stream.get_status() == STATUS_NONE or not _has_listener(channel)),
					name + ": the ends")
	for group in _groups:
		group.poll()
	for channel in _channels:
		var what := "%s, channel %d" % [name, channel.number]
		if channel.listens:
			check_eq(channel.received, channel.sent, what + ": packets of its own handler")
		for index in 2:
			check(channel.ends[index] <= 1, "%s: its end in group %d at most once" % [what, index])
			# The connection of a member that was added again may have ended before.
			if channel.members[index] and channel.received_by[index] >= 0:
				check_eq(channel.ends[index], 1, "%s: its end in group %d" % [what, index])
				check_eq(channel.received_by[index], channel.sent, "%s: packets of group %d" % [what, index])
	for group in _groups:
		let_go(group)
	_groups.clear()
	_channels.clear()


func _has_listener(channel: Channel) -> bool:
	return channel.listens or channel.members.has(true)


func _any() -> Channel:
	return _channels[_random.randi() % _channels.size()]


# Sends some packets, the last one perhaps in part.
func _send(channel: Channel) -> void:
	if channel.writer.get_status() != STATUS_CONNECTED:
		return
	channel.writer.poll()
	var data := channel.rest
	channel.rest = PackedByteArray()
	for i in _random.randi() % 4:
		data.append_array(_packet(channel))
		channel.sent += 1
	if data.size() > 1 and _random.randi() % 2 == 0:
		var cut := 1 + _random.randi() % (data.size() - 1)
		channel.rest = data.slice(cut)
		data = data.slice(0, cut)
	check_eq(channel.writer.put_data(data), OK, "put_data")
	channel.writer.receive()


func _packet(channel: Channel) -> PackedByteArray:
	var most := 20 if _random.randi() % 10 > 0 else 3000
	var body := "%d:%d:%s" % [channel.number, channel.sent, "x".repeat(_random.randi() % most)]
	match channel.packets.framing:
		PacketPeerSocketRs.FRAMING_LENGTH:
			var length := PackedByteArray()
			length.resize(4)
			length.encode_u32(0, body.length())
			return length + body.to_ascii_buffer()
		PacketPeerSocketRs.FRAMING_DELIMITER:
			return (body + "\n").to_ascii_buffer()
	return ("Content-Length: %d\r\n\r\n%s" % [body.length(), body]).to_ascii_buffer()


# Checks the packet's number, and returns the number of packets received so far.
func _checked_number(channel: Channel, packet: PackedByteArray, expected: int) -> int:
	var parts := packet.get_string_from_ascii().split(":")
	check_eq(parts[0].to_int(), channel.number, "the packet's channel")
	var number := parts[1].to_int()
	if expected >= 0:
		check_eq(number, expected, "channel %d: the number of a packet" % channel.number)
	return number + 1


func _on_own_packet(packet: PackedByteArray, number: int) -> void:
	var channel := _channels[number]
	channel.received = _checked_number(channel, packet, channel.received)
	_act(channel)


func _on_packet(peer: PacketPeerSocketRs, packet: PackedByteArray, index: int) -> void:
	var channel := _of(peer)
	check(channel.members[index], "a packet of a member")
	channel.received_by[index] = _checked_number(channel, packet, channel.received_by[index])
	_act(channel)


func _on_disconnected(peer: PacketPeerSocketRs, _error: int, index: int) -> void:
	var channel := _of(peer)
	check(channel.members[index], "the end of a member")
	channel.ends[index] += 1
	_act(channel)


func _of(peer: PacketPeerSocketRs) -> Channel:
	for channel in _channels:
		if channel.packets == peer:
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
		2:
			channel.packets.poll()
		3:
			channel.packets.stream.poll()
		4:
			_groups[index].broadcast([1, 2])
		5:
			_send(_any())
		6:
			_any().packets.get_available_packet_count()
		7:
			_groups[index].wake()
		8:
			if channel.members[index] and _random.randi() % 3 == 0:
				_groups[index].remove(channel.packets)
				channel.members[index] = false
		9:
			if channel.members[index]:
				_groups[index].remove(channel.packets)
				_groups[index].add(channel.packets)
				channel.received_by[index] = -1
	_depth -= 1
