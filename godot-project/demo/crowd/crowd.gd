extends RefCounted
## Two servers with the same number of connections, which receive the same messages: one with the
## engine's classes, one with this addon's. In each frame both poll and read, one right after the
## other, and each is timed.
##
## Only polling and reading are timed. Sending and checking the received bytes are not.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const ServerSide := preload("side.gd")
const EngineSide := preload("engine_side.gd")
const GroupSide := preload("group_side.gd")
const FrameTimes := preload("frame_times.gd")
const Stream := preload("stream.gd")

const MESSAGE_SIZE: int = 16
## Sockets for each connection: both of its ends, on both sides.
const SOCKETS_PER_CONNECTION: int = 4
## How much of a frame each side may use for connects, in microseconds.
const CONNECT_BUDGET_USEC: int = 5000

## The target number of connections on each side.
var wanted: int = 0
## The share of the connections that send a message in a frame, from 0 to 1.
var share: float = 0.0

var engine_times: FrameTimes = FrameTimes.new()
var group_times: FrameTimes = FrameTimes.new()
## The members whose messages arrived on both sides in the last frame.
var senders: PackedInt32Array = PackedInt32Array()
## The bytes sent on each side, and the bytes received on both sides together.
var sent: int = 0
var received: int = 0
## The first problem, or empty.
var problem: String = ""

var _engine: EngineSide = EngineSide.new()
var _group: GroupSide = GroupSide.new()
## The streams of the members on each side.
var _streams: Dictionary = {_engine: [] as Array[Stream], _group: [] as Array[Stream]}
var _random: RandomNumberGenerator = RandomNumberGenerator.new()
var _frames: int = 0


## Starts to listen. After a failure it sets [member problem] and returns false.
func open() -> bool:
	for side: ServerSide in _streams:
		var error: Error = side.open()
		if error != OK:
			problem = "cannot listen: " + error_string(error)
	return problem.is_empty()


## The number of connections that both sides have.
func count() -> int:
	return mini(_engine.count(), _group.count())


## Whether both sides have the target number of connections.
func is_complete() -> bool:
	return _engine.count() == wanted and _group.count() == wanted


## Does the work of a frame. Only frames with the target number of connections are timed.
func frame() -> void:
	senders.clear()
	if not problem.is_empty():
		return
	if not is_complete():
		_approach()
		return
	_send()
	# The sides take turns in going first: the first one finds a cold cache, and the messages of the
	# second one are older.
	_frames += 1
	var engine_is_first: bool = _frames % 2 == 0
	var usec: int = 0 if engine_is_first else _group.receive()
	engine_times.add(_engine.receive() / 1000.0)
	if engine_is_first:
		usec = _group.receive()
	group_times.add(usec / 1000.0)
	_check(_engine)
	_check(_group)


func _approach() -> void:
	engine_times.clear()
	group_times.clear()
	for side: ServerSide in _streams:
		side.approach(wanted, CONNECT_BUDGET_USEC)
		var streams: Array[Stream] = _streams[side]
		while streams.size() < side.count():
			streams.append(Stream.new(streams.size()))
		streams.resize(side.count())


func _send() -> void:
	for member: int in wanted:
		if _random.randf() >= share:
			continue
		sent += MESSAGE_SIZE
		for side: ServerSide in _streams:
			var stream: Stream = _streams[side][member]
			if side.send(member, stream.next(MESSAGE_SIZE)) != OK:
				problem = "a message could not be sent"


## Compares the bytes that a side has read with those that were sent to it.
func _check(side: ServerSide) -> void:
	var streams: Array[Stream] = _streams[side]
	for i: int in side.senders.size():
		var member: int = side.senders[i]
		received += side.received[i].size()
		if not streams[member].is_next(side.received[i]):
			problem = "the received bytes differ from the sent bytes"
		elif side == _group:
			var of_engine: Stream = _streams[_engine][member]
			if of_engine.is_all_here():
				senders.append(member)
