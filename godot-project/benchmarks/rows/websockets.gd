extends "res://benchmarks/row.gd"
## Many small WebSockets in one process: the microseconds of a frame that sends back what each has
## sent, and of a message to all.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Crowd := preload("res://benchmarks/websocket_crowd.gd")
const Descriptors := preload("res://benchmarks/descriptors.gd")

const CLIENTS: int = 500
const MESSAGE_SIZE: int = 32
const BROADCAST_SIZE: int = 256
## The least frames of a sample, and the most.
const LEAST_FRAMES: int = 3
const MOST_FRAMES: int = 50
## The first frames, which are not timed.
const FIRST_FRAMES: int = 2


func _init() -> void:
	names = [
		"WebSocket echo of 32 bytes, 500 clients",
		"WebSocket message of 256 bytes to 500 clients",
	]


static func all() -> Array:
	return [new()]


func rounds() -> int:
	return scale.costly_rounds


func sample(side: String) -> PackedFloat64Array:
	var crowd: Crowd = Crowd.new()
	var times: PackedFloat64Array = [NAN, NAN]
	if crowd.open(family_of(side), _count()):
		times = [_median(_echo.bind(crowd)), _median(_to_all.bind(crowd, side == "ours"))]
	else:
		problem = side + ": the clients do not connect"
	crowd.close()
	return times


func _count() -> int:
	return mini(CLIENTS, mini(scale.most_sockets, Descriptors.for_sockets()))


# The median of the times that `frame` returns.
func _median(frame: Callable) -> float:
	var times: PackedInt64Array = PackedInt64Array()
	var sum: int = 0
	for i: int in FIRST_FRAMES:
		frame.call()
	while problem.is_empty() and times.size() < MOST_FRAMES and (times.size() < LEAST_FRAMES
			or sum < scale.sample_usec):
		var usec: int = frame.call()
		sum += usec
		times.append(usec)
	times.sort()
	@warning_ignore("integer_division")
	return NAN if times.is_empty() else float(times[times.size() / 2])


# All messages have arrived before the clock starts.
func _echo(crowd: Crowd) -> int:
	crowd.order("send 1 %d" % MESSAGE_SIZE)
	if not crowd.is_done():
		problem = "the clients do not send"
		return 0
	var echoed: PackedInt64Array = crowd.loops.call(&"echo")
	if echoed[1] != _count():
		problem = "%d of %d messages" % [echoed[1], _count()]
	return _received(crowd, MESSAGE_SIZE, echoed[0])


func _to_all(crowd: Crowd, is_broadcast: bool) -> int:
	var message: PackedByteArray = PackedByteArray()
	message.resize(BROADCAST_SIZE)
	if not is_broadcast:
		var usec: int = crowd.loops.call(&"send_to_all", message)
		return _received(crowd, BROADCAST_SIZE, usec)
	var peers: Array = crowd.loops.get(&"peers")
	var begin: int = Time.get_ticks_usec()
	WebSocketPeerRs.broadcast(peers, message)
	return _received(crowd, BROADCAST_SIZE, Time.get_ticks_usec() - begin)


# `usec`, after each client has received a message.
func _received(crowd: Crowd, size: int, usec: int) -> int:
	crowd.order("receive 1 %d" % size)
	# A WebSocket may have kept a part.
	crowd.loops.call(&"poll_all")
	if problem.is_empty() and not crowd.is_done():
		problem = "the clients do not receive"
	return usec
