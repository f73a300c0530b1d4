extends "res://tests/support/test_case.gd"
## Megabytes in both directions at once, in chunks of random sizes: no byte is lost or repeated.

const SIZE := 6 * 1024 * 1024


func test_partial_calls_transfer_every_byte_on_one_thread() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var random := RandomNumberGenerator.new()
		random.seed = 4711
		var ends := [_Flow.new(pair.client, _noise(1), random), _Flow.new(pair.served, _noise(2), random)]
		spin_until(func() -> bool:
			for flow: _Flow in ends:
				if not flow.step():
					return true
			return ends.all(func(flow: _Flow) -> bool: return flow.received.size() == SIZE),
					kind + ": the transfer", 40.0)
		for i in 2:
			check_eq(ends[i].trouble, "", kind + ": trouble")
			check_eq(_digest(ends[i].received), _digest(ends[1 - i].outgoing),
					"%s: direction %d" % [kind, i])


func test_blocking_calls_transfer_every_byte_on_threads() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var outgoing := [_noise(3), _noise(4)]
		var threads: Array[Thread] = []
		var peers := [pair.client, pair.served]
		for i in 2:
			threads.append(in_thread(_write_all.bind(peers[i], outgoing[i], i)))
			threads.append(in_thread(_read_all.bind(peers[i], i)))
		for i in 2:
			check_eq(join(threads[2 * i], "a writer"), OK, kind + ": put_data")
			check_eq(join(threads[2 * i + 1], "a reader"), _digest(outgoing[1 - i]),
					"%s: the bytes that peer %d read" % [kind, i])


func test_one_read_returns_megabytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var bytes := _noise(5)
		var writer := in_thread(func() -> int: return pair.client.put_data(bytes))
		var got: Array = pair.served.get_data(SIZE)
		check_eq(got[0], OK, kind + ": get_data")
		check_eq(_digest(got[1]), _digest(bytes), kind + ": the bytes")
		check_eq(join(writer, "the writer"), OK, kind + ": put_data")


func test_small_and_large_reads_can_be_mixed() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var bytes := _noise(6).slice(0, 1 << 20)
		var writer := in_thread(func() -> int: return pair.client.put_data(bytes))
		var random := RandomNumberGenerator.new()
		random.seed = 99
		var wrong := 0
		var at := 0
		while at < bytes.size():
			# Small reads use bytes that a larger read left in the buffer, and the other way round.
			var size := mini(random.randi_range(1, 40000) if random.randf() < 0.05 else 1, bytes.size() - at)
			if size == 1:
				wrong += int(pair.served.get_u8() != bytes[at])
			else:
				wrong += int(pair.served.get_data(size)[1] != bytes.slice(at, at + size))
			at += size
		check_eq(wrong, 0, kind + ": wrong reads")
		check_eq(join(writer, "the writer"), OK, kind + ": put_data")


func _write_all(peer: StreamPeer, bytes: PackedByteArray, index: int) -> int:
	var random := RandomNumberGenerator.new()
	random.seed = index
	var at := 0
	while at < bytes.size():
		var size := random.randi_range(1, 300000)
		var error := peer.put_data(bytes.slice(at, at + size))
		if error != OK:
			return error
		at += size
	return OK


func _read_all(peer: StreamPeer, index: int) -> String:
	var random := RandomNumberGenerator.new()
	random.seed = 100 + index
	var received := PackedByteArray()
	while received.size() < SIZE:
		var got: Array = peer.get_data(mini(random.randi_range(1, 300000), SIZE - received.size()))
		if got[0] != OK:
			return "error %d" % got[0]
		received.append_array(got[1])
	return _digest(received)


static func _noise(noise_seed: int) -> PackedByteArray:
	var random := RandomNumberGenerator.new()
	random.seed = noise_seed
	var block := PackedByteArray()
	block.resize(64 * 1024)
	for i in range(0, block.size(), 4):
		block.encode_u32(i, random.randi())
	var bytes := PackedByteArray()
	# Each block starts with its number, so that swapped blocks are noticed.
	for i in SIZE / block.size():
		block.encode_u32(0, i)
		bytes.append_array(block)
	return bytes


static func _digest(bytes: PackedByteArray) -> String:
	var context := HashingContext.new()
	context.start(HashingContext.HASH_SHA256)
	context.update(bytes)
	return "%d bytes %s" % [bytes.size(), context.finish().hex_encode()]


## A peer that sends and receives random pieces without waiting.
class _Flow:
	var outgoing: PackedByteArray
	var received := PackedByteArray()
	var trouble := ""
	var _peer: StreamPeer
	var _random: RandomNumberGenerator
	var _sent := 0

	func _init(peer: StreamPeer, bytes: PackedByteArray, random: RandomNumberGenerator) -> void:
		_peer = peer
		outgoing = bytes
		_random = random

	func step() -> bool:
		if _peer.call("poll") != OK:
			return _fail("poll")
		if _sent < outgoing.size():
			var put: Array = _peer.put_partial_data(outgoing.slice(_sent,
					_sent + _random.randi_range(1, 200000)))
			if put[0] != OK:
				return _fail("put_partial_data: %d" % put[0])
			_sent += put[1]
		var got: Array = _peer.get_partial_data(_random.randi_range(1, 200000))
		if got[0] != OK:
			return _fail("get_partial_data: %d" % got[0])
		received.append_array(got[1])
		return true

	func _fail(what: String) -> bool:
		trouble = what
		return false
