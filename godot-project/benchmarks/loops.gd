extends RefCounted
## The timed loops, each with its preparation and clean-up. All return the microseconds of the timed
## part only.
##
## The script is written for one class. `typed_script.gd` makes the same loops for other
## classes, and without types. `near` is measured, and `far` is the other end of its connection.

# The timed calls discard their results.
@warning_ignore_start("return_value_discarded")

## The small values that are sent and read.
const TEXT: String = "hello, world"
const VALUE: Vector3 = Vector3(1.5, 2.5, -3.5)
## The bytes of a message between many peers.
const MESSAGE_SIZE: int = 16
const BLOCK_SIZE: int = 65536


func get_status(near: StreamPeerTCP, _far: StreamPeerTCP, times: int) -> int:
	var begin: int = Time.get_ticks_usec()
	for i: int in times:
		near.get_status()
	return Time.get_ticks_usec() - begin


func poll(near: StreamPeerTCP, _far: StreamPeerTCP, times: int) -> int:
	var begin: int = Time.get_ticks_usec()
	for i: int in times:
		near.poll()
	return Time.get_ticks_usec() - begin


func put_u8(near: StreamPeerTCP, far: StreamPeerTCP, times: int) -> int:
	var begin: int = Time.get_ticks_usec()
	for i: int in times:
		near.put_u8(i)
	return _until_received(far, times, begin)


func put_string(near: StreamPeerTCP, far: StreamPeerTCP, times: int) -> int:
	var begin: int = Time.get_ticks_usec()
	for i: int in times:
		near.put_string(TEXT)
	return _until_received(far, times * _size_of_text(), begin)


func put_var(near: StreamPeerTCP, far: StreamPeerTCP, times: int) -> int:
	var begin: int = Time.get_ticks_usec()
	for i: int in times:
		near.put_var(VALUE)
	return _until_received(far, times * _size_of_value(), begin)


## 16 messages between two polls, as in a frame. The engine's peers ignore `coalesce_writes`.
func put_string_coalesced(near: StreamPeerTCP, far: StreamPeerTCP, times: int) -> int:
	near.set("coalesce_writes", true)
	var begin: int = Time.get_ticks_usec()
	@warning_ignore("integer_division")
	for batch: int in times / 16:
		for i: int in 16:
			near.put_string(TEXT)
		near.poll()
	@warning_ignore("integer_division")
	return _until_received(far, times / 16 * 16 * _size_of_text(), begin)


## The same with variants.
func put_var_coalesced(near: StreamPeerTCP, far: StreamPeerTCP, times: int) -> int:
	near.set("coalesce_writes", true)
	var begin: int = Time.get_ticks_usec()
	@warning_ignore("integer_division")
	for batch: int in times / 16:
		for i: int in 16:
			near.put_var(VALUE)
		near.poll()
	@warning_ignore("integer_division")
	return _until_received(far, times / 16 * 16 * _size_of_value(), begin)


## Messages of 32 numbers each.
func put_32_coalesced(near: StreamPeerTCP, far: StreamPeerTCP, times: int) -> int:
	near.set("coalesce_writes", true)
	var begin: int = Time.get_ticks_usec()
	for message: int in times:
		for i: int in 32:
			near.put_32(i)
		near.poll()
	return _until_received(far, times * 32 * 4, begin)


## A frame that reads messages and answers them. Returns its microseconds, and the number of peers
## with a message.
func frame(peers: Array[StreamPeerTCP]) -> PackedInt64Array:
	var answer: PackedByteArray = _zeros(MESSAGE_SIZE)
	var received: int = 0
	var begin: int = Time.get_ticks_usec()
	for peer: StreamPeerTCP in peers:
		peer.poll()
		if peer.get_available_bytes() > 0:
			peer.get_data(MESSAGE_SIZE)
			peer.put_data(answer)
			received += 1
	return [Time.get_ticks_usec() - begin, received]


## Only polls each peer. Returns zero messages.
func polls(peers: Array[StreamPeerTCP]) -> PackedInt64Array:
	var begin: int = Time.get_ticks_usec()
	for peer: StreamPeerTCP in peers:
		peer.poll()
	return [Time.get_ticks_usec() - begin, 0]


## The same for peers with `auto_poll`, which are polled by this signal of the scene tree.
func frame_polls() -> PackedInt64Array:
	var tree: SceneTree = Engine.get_main_loop()
	var begin: int = Time.get_ticks_usec()
	tree.process_frame.emit()
	return [Time.get_ticks_usec() - begin, 0]


## The same as `frame` with a group, whose poll returns the peers with data.
func group_frame(group: RefCounted) -> PackedInt64Array:
	var answer: PackedByteArray = _zeros(MESSAGE_SIZE)
	var received: int = 0
	var begin: int = Time.get_ticks_usec()
	# Untyped: this is also compiled for the engine's class, which has no `receive`.
	@warning_ignore_start("unsafe_method_access")
	for peer: Variant in group.call(&"poll"):
		if peer.receive().size() > 0:
			peer.put_data(answer)
			received += 1
	@warning_ignore_restore("unsafe_method_access")
	return [Time.get_ticks_usec() - begin, received]


func receive_blocks(near: StreamPeerTCP, blocks: int) -> int:
	var begin: int = Time.get_ticks_usec()
	for i: int in blocks:
		near.get_data(BLOCK_SIZE)
	return Time.get_ticks_usec() - begin


## Ends when the other side has confirmed that it received everything.
func send_blocks(near: StreamPeerTCP, blocks: int) -> int:
	var block: PackedByteArray = _zeros(BLOCK_SIZE)
	var begin: int = Time.get_ticks_usec()
	for i: int in blocks:
		near.put_data(block)
	near.get_u8()
	return Time.get_ticks_usec() - begin


## The time of each round trip.
func round_trips(near: StreamPeerTCP, trips: int, size: int) -> PackedInt64Array:
	var message: PackedByteArray = _zeros(size)
	var times: PackedInt64Array = PackedInt64Array()
	for i: int in trips:
		var begin: int = Time.get_ticks_usec()
		near.put_data(message)
		near.get_data(size)
		times.append(Time.get_ticks_usec() - begin)
	return times


# Takes the time since `begin`, then reads the sent bytes at the other end.
func _until_received(far: StreamPeerTCP, size: int, begin: int) -> int:
	var usec: int = Time.get_ticks_usec() - begin
	far.get_data(size)
	return usec


func _zeros(size: int) -> PackedByteArray:
	var data: PackedByteArray = PackedByteArray()
	data.resize(size)
	return data


func _size_of_text() -> int:
	return 4 + TEXT.to_utf8_buffer().size()


func _size_of_value() -> int:
	return 4 + var_to_bytes(VALUE).size()
