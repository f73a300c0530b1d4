extends "res://benchmarks/stream_row.gd"
## WebSocket messages of 1 MiB between this process and the plain program, and the same bytes
## through our stream alone: bytes per second.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Crowd := preload("res://benchmarks/websocket_crowd.gd")

const SIZE: int = 1 << 20
const BLOCKS_OF_MESSAGE: int = 16

var _is_receiving: bool
var _is_by_signal: bool = false
var _received: int = 0


static func all() -> Array:
	return [new()._receive_or_send(true), new()._by_signal(), new()._receive_or_send(false)]


func sample(side: String) -> PackedFloat64Array:
	@warning_ignore("integer_division")
	var count: int = maxi(2, scale.blocks / BLOCKS_OF_MESSAGE)
	var usec: int = _through_stream(count) if side == "stream" else _as_messages(side, count)
	return [SIZE * count * 1e6 / usec if usec > 0 else NAN]


func _receive_or_send(is_receiving: bool) -> RefCounted:
	names = ["WebSocket messages of 1 MiB, " + ("receive" if is_receiving else "send")]
	sides = ["engine", "ours", "stream"]
	_is_receiving = is_receiving
	return self


# The same as receiving, with a handler of `packet_received`, which the engine's class has not.
func _by_signal() -> RefCounted:
	_receive_or_send(true)
	names = ["WebSocket messages of 1 MiB, receive by signal"]
	sides = ["ours", "stream"]
	_is_by_signal = true
	return self


func _as_messages(side: String, count: int) -> int:
	var crowd: Crowd = Crowd.new()
	if not crowd.open(family_of(side), 1, true):
		problem = side + ": the client does not connect"
		crowd.close()
		return 0
	var deadline: int = Time.get_ticks_msec() + Server.PATIENCE_MSEC
	var usec: int = 0
	var begin: int = 0
	if _is_by_signal:
		usec = _receive_by_signal(crowd, count, deadline)
	elif _is_receiving:
		# After the first message, the client is sending.
		crowd.order("send %d %d" % [count + 1, SIZE])
		crowd.loops.call(&"receive", 1, deadline)
		var received: PackedInt64Array = crowd.loops.call(&"receive", count, deadline)
		usec = received[0]
	else:
		crowd.order("receive %d %d" % [count, SIZE])
		begin = Time.get_ticks_usec()
		crowd.loops.call(&"send", count, deadline)
	var is_late: bool = Time.get_ticks_msec() > deadline
	if is_late or not crowd.is_done():
		problem = side + ": not all messages arrive"
	if not _is_receiving:
		usec = Time.get_ticks_usec() - begin
	crowd.close()
	return usec


func _receive_by_signal(crowd: Crowd, count: int, deadline: int) -> int:
	var peers: Array = crowd.loops.get(&"peers")
	var peer: WebSocketPeerRs = peers[0]
	_received = 0
	peer.packet_received.connect(_on_packet_received)
	var begin: int = Time.get_ticks_usec()
	crowd.order("send %d %d" % [count, SIZE])
	while _received < SIZE * count and Time.get_ticks_msec() < deadline:
		peer.poll()
	return Time.get_ticks_usec() - begin


func _on_packet_received(packet: PackedByteArray, _is_text: bool) -> void:
	_received += packet.size()


func _through_stream(count: int) -> int:
	var server: Server = Server.new()
	server.listen(Family.ours())
	var blocks: int = BLOCKS_OF_MESSAGE * (count + (1 if _is_receiving else 0))
	var far: int = Plain.start("source" if _is_receiving else "sink", server.address(),
			[str(blocks)])
	var near: StreamPeerTCPRs = server.accept()
	if near == null:
		problem = "the plain program does not connect"
		return 0
	var begin: int
	if _is_receiving:
		near.get_data(SIZE)
		begin = Time.get_ticks_usec()
		for i: int in count:
			near.get_data(SIZE)
	else:
		var message: PackedByteArray = PackedByteArray()
		message.resize(SIZE)
		begin = Time.get_ticks_usec()
		for i: int in count:
			near.put_data(message)
		near.get_u8()
	var usec: int = Time.get_ticks_usec() - begin
	near.disconnect_from_host()
	server.stop()
	Plain.join(far)
	return usec
