extends "res://benchmarks/row.gd"
## Packets in a stream: the engine's PacketPeerStream over its peers, and ours over ours.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Link := preload("res://tests/support/link.gd")

const SMALL: int = 1000
const BIG: int = 8 << 20

var _links: Dictionary = {}
var _packets: Dictionary = {}
var _others: Dictionary = {}
var _method: StringName


static func all() -> Array:
	return [
		new()._use("1000 packets of 16 bytes, in one receive", &"_read_small"),
		new()._use("a packet of 8 MiB", &"_read_big"),
	]


func open() -> void:
	for side: String in sides:
		var server: Server = Server.new()
		server.listen(family_of(side), "tcp")
		var link: Link = server.pair()
		if link == null:
			problem = side + ": no connection"
			return
		_links[side] = link
		_packets[side] = _over(side, link.client)
		_others[side] = _over(side, link.served)


func sample(side: String) -> PackedFloat64Array:
	var number: float = call(_method, side)
	return [number]


func close() -> void:
	for link: Link in _links.values():
		link.endpoint.server.call(&"stop")


# Makes this a row whose samples a method takes.
func _use(name: String, method: StringName) -> RefCounted:
	names = [name]
	_method = method
	return self


func _over(side: String, stream: StreamPeer) -> PacketPeer:
	if side == "engine":
		var of_engine: PacketPeerStream = PacketPeerStream.new()
		of_engine.stream_peer = stream
		of_engine.input_buffer_max_size = 2 * BIG
		of_engine.output_buffer_max_size = 2 * BIG
		return of_engine
	var packets: PacketPeerSocketRs = PacketPeerSocketRs.new()
	packets.stream = stream
	return packets


# The microseconds to take 1000 received packets.
func _read_small(side: String) -> float:
	var link: Link = _links[side]
	var packets: PacketPeer = _packets[side]
	var block: PackedByteArray = PackedByteArray()
	for i: int in SMALL:
		block.append_array([16, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
	link.served.put_data(block)
	var deadline: int = Time.get_ticks_msec() + Server.PATIENCE_MSEC
	while link.client.get_available_bytes() < block.size() and Time.get_ticks_msec() < deadline:
		OS.delay_usec(50)
	var start: int = Time.get_ticks_usec()
	var count: int = 0
	while packets.get_available_packet_count() > 0:
		count += 1 if packets.get_packet().size() == 16 else 0
	var usec: int = Time.get_ticks_usec() - start
	if count != SMALL:
		problem = "%s: %d of %d packets" % [side, count, SMALL]
	return usec


# The bytes per second of a packet that another thread puts.
func _read_big(side: String) -> float:
	var packets: PacketPeer = _packets[side]
	var other: PacketPeer = _others[side]
	var block: PackedByteArray = PackedByteArray()
	block.resize(BIG)
	var thread: Thread = Thread.new()
	var start: int = Time.get_ticks_usec()
	thread.start(other.put_packet.bind(block))
	while packets.get_available_packet_count() == 0:
		pass
	var size: int = packets.get_packet().size()
	var usec: int = Time.get_ticks_usec() - start
	thread.wait_to_finish()
	if size != BIG:
		problem = "%s: %d bytes" % [side, size]
	return size * 1e6 / usec
