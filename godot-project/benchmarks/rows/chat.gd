extends "res://benchmarks/row.gd"
## A frame of a chat server in which each member sends a line to all, in plain GDScript over our
## peers and with a group.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Link := preload("res://tests/support/link.gd")

const MEMBERS: int = 500
const LINE: String = "hello everybody\n"

var _server: Server = Server.new()
var _links: Array[Link] = []
var _peers: Array[StreamPeerTCPRs] = []
var _group: StreamPeerSocketGroupRs
var _received: int = 0


func _init() -> void:
	names = ["chat frame, 500 members who all say a line"]
	sides = ["ours", "group"]


static func all() -> Array:
	return [new()]


func rounds() -> int:
	return scale.costly_rounds


func open() -> void:
	_server.listen(Family.ours(), "tcp")
	for i: int in mini(MEMBERS, scale.most_sockets):
		var link: Link = _server.pair()
		if link == null:
			problem = "no connection"
			return
		_links.append(link)
		_peers.append(link.served)
		# With a write queue, a broadcast does not wait for members that read later.
		_peers[i].write_buffer_limit = 1 << 20


func sample(side: String) -> PackedFloat64Array:
	_group = StreamPeerSocketGroupRs.new()
	if side == "group":
		for peer: StreamPeerTCPRs in _peers:
			var packets: PacketPeerSocketRs = PacketPeerSocketRs.new()
			packets.stream = peer
			packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
			_group.add(packets)
		_group.peer_packet_received.connect(_on_line)
		_group.poll()
	for link: Link in _links:
		link.client.put_data(LINE.to_ascii_buffer())
	var deadline: int = Time.get_ticks_msec() + Server.PATIENCE_MSEC
	for peer: StreamPeerTCPRs in _peers:
		while peer.get_available_bytes() < LINE.length():
			if Time.get_ticks_msec() > deadline:
				problem = side + ": not all lines arrive"
				return []
			OS.delay_usec(50)
	_received = 0
	var start: int = Time.get_ticks_usec()
	if side == "group":
		_group.poll()
	else:
		_plain_frame()
	var usec: int = Time.get_ticks_usec() - start
	if _received != _peers.size():
		problem = "%s: %d of %d lines" % [side, _received, _peers.size()]
	for connection: Dictionary in _group.peer_packet_received.get_connections():
		var handler: Callable = connection["callable"]
		_group.peer_packet_received.disconnect(handler)
	_read_away()
	return [float(usec)]


func close() -> void:
	_server.stop()


func _plain_frame() -> void:
	for peer: StreamPeerTCPRs in _peers:
		peer.poll()
		var line: Variant = peer.read_line()
		while line is String:
			_received += 1
			var text: String = line
			var sent: PackedByteArray = (text + "\n").to_utf8_buffer()
			for other: StreamPeerTCPRs in _peers:
				other.put_data(sent)
			line = peer.read_line()


func _on_line(_peer: PacketPeerSocketRs, line: PackedByteArray) -> void:
	_received += 1
	_group.broadcast(line)


# Reads the sent lines at the clients. This is not timed.
func _read_away() -> void:
	var size: int = LINE.length() * _peers.size()
	var deadline: int = Time.get_ticks_msec() + Server.PATIENCE_MSEC
	for i: int in _links.size():
		var got: int = 0
		while got < size and problem.is_empty():
			_peers[i].poll()
			var received: PackedByteArray = _links[i].client.call(&"receive")
			got += received.size()
			if Time.get_ticks_msec() > deadline:
				problem = "not all lines come back"
