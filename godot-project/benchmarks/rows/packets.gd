extends "res://benchmarks/row.gd"
## Packets in a stream: the engine's PacketPeerStream over its peers, and ours over ours.

const Link := preload("res://tests/support/link.gd")

const SMALL := 1000
const BIG := 8 << 20

var _links := {}
var _packets := {}
var _others := {}
var _sample: Callable


static func all() -> Array:
	var small := new()
	small.names = ["1000 packets of 16 bytes, in one receive"]
	small._sample = small._read_small
	var big := new()
	big.names = ["a packet of 8 MiB"]
	big._sample = big._read_big
	return [small, big]


func open() -> void:
	for side in sides:
		var server := Server.new()
		server.listen(family_of(side), "tcp")
		var link: Link = server.pair()
		if link == null:
			problem = side + ": no connection"
			return
		_links[side] = link
		_packets[side] = _over(side, link.client)
		_others[side] = _over(side, link.served)


func sample(side: String) -> PackedFloat64Array:
	return [_sample.call(side)]


func close() -> void:
	for link: Link in _links.values():
		link.endpoint.server.stop()


func _over(side: String, stream: StreamPeer) -> PacketPeer:
	if side == "engine":
		var packets := PacketPeerStream.new()
		packets.stream_peer = stream
		packets.input_buffer_max_size = 2 * BIG
		packets.output_buffer_max_size = 2 * BIG
		return packets
	var packets := PacketPeerSocketRs.new()
	packets.stream = stream
	return packets


# The microseconds to take 1000 received packets.
func _read_small(side: String) -> float:
	var link: Link = _links[side]
	var packets: PacketPeer = _packets[side]
	var block := PackedByteArray()
	for i in SMALL:
		block.append_array([16, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
	link.served.put_data(block)
	while link.client.get_available_bytes() < block.size():
		OS.delay_usec(50)
	var start := Time.get_ticks_usec()
	var count := 0
	while packets.get_available_packet_count() > 0:
		count += 1 if packets.get_packet().size() == 16 else 0
	var usec := Time.get_ticks_usec() - start
	if count != SMALL:
		problem = "%s: %d of %d packets" % [side, count, SMALL]
	return usec


# The bytes per second of a packet that another thread puts.
func _read_big(side: String) -> float:
	var packets: PacketPeer = _packets[side]
	var block := PackedByteArray()
	block.resize(BIG)
	var thread := Thread.new()
	var start := Time.get_ticks_usec()
	thread.start(_others[side].put_packet.bind(block))
	while packets.get_available_packet_count() == 0:
		pass
	var size := packets.get_packet().size()
	var usec := Time.get_ticks_usec() - start
	thread.wait_to_finish()
	if size != BIG:
		problem = "%s: %d bytes" % [side, size]
	return size * 1e6 / usec
