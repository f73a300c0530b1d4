extends "res://benchmarks/row.gd"
## A frame that polls many sockets: microseconds per frame.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Crowd := preload("res://benchmarks/crowd.gd")
const Descriptors := preload("res://benchmarks/descriptors.gd")
const Plain := preload("res://benchmarks/plain.gd")
# This script itself, as a type.
const Frames := preload("res://benchmarks/rows/frames.gd")
const Loops := preload("res://benchmarks/loops.gd")
const TypedScript := preload("res://benchmarks/typed_script.gd")

const GROUP: StringName = &"StreamPeerSocketGroupRs"
## The first frames, which are not timed.
const FIRST_FRAMES: int = 4
## The least frames of a sample.
const LEAST_FRAMES: int = 5
## The frames of the plain program in a sample.
const PLAIN_FRAMES: int = 20
## The most frames of a sample.
const MOST_FRAMES: int = 500
## The pause between frames: longer than the result of a shared poll is valid.
const PAUSE_USEC: int = 50

var _wanted: int
var _count: int
var _ready: int
var _is_typed: bool
var _is_auto_polled: bool = false
## Kept here, since a callable does not keep its object alive.
var _loops: RefCounted


static func all() -> Array:
	var rows: Array = [
		new()._over("frame over 1000 idle sockets, typed", 1000),
		new()._over("frame over 1000 idle sockets, untyped", 1000, 0, false),
		new()._also_plain()._also_through_a_group()._over(
				"frame over 1000 sockets with a message each", 1000, 1000),
		new()._also_through_a_group()._over(
				"frame over 10,000 sockets, 10 with a message", 10000, 10),
		new()._by_auto_poll()._over("auto_poll of 1000 idle sockets", 1000),
	]
	for count: int in [10, 30, 100, 300, 1000, 3000, 10000]:
		rows.append(new()._also_through_a_group()._over("idle frame, %d sockets" % count, count))
	return rows


# Makes this a row over `count` sockets, of which `ready` have a message in each frame.
func _over(name: String, count: int, ready: int = 0, is_typed: bool = true) -> Frames:
	names = [name]
	_wanted = count
	_ready = ready
	_is_typed = is_typed
	return self


func _also_through_a_group() -> Frames:
	if ClassDB.class_exists(GROUP):
		sides.append("group")
	else:
		needs = "the class " + GROUP
	return self


# Makes this a row that only polls: our peers by `auto_poll`, and the other sides' one by one.
func _by_auto_poll() -> Frames:
	_is_auto_polled = true
	sides.append("polled")
	return self


func _also_plain() -> Frames:
	sides.append("plain")
	return self


func rounds() -> int:
	return scale.costly_rounds


func open() -> void:
	_count = mini(_wanted, mini(scale.most_sockets, Descriptors.for_sockets()))
	if _count < _wanted:
		note = "with %d sockets" % _count


func sample(side: String) -> PackedFloat64Array:
	if side == "plain":
		var arguments: PackedStringArray = PackedStringArray(["frames", str(_count),
				str(Loops.MESSAGE_SIZE), str(PLAIN_FRAMES)])
		return [Plain.measure_alone(arguments).get("usec", NAN)]
	var crowd: Crowd = Crowd.new()
	var usec: float = NAN
	if crowd.open(family_of(side), _count):
		usec = _frame(_body(side, crowd), crowd, mini(_ready, _count))
	else:
		problem = "the plain program does not answer"
	crowd.close()
	return [usec]


# The mean of the middle half of the frames, since the clock counts whole microseconds.
func _middle(frames: PackedInt64Array) -> float:
	frames.sort()
	@warning_ignore("integer_division")
	var quarter: int = frames.size() / 4
	var half: PackedInt64Array = frames.slice(quarter, frames.size() - quarter)
	var sum: int = 0
	for usec: int in half:
		sum += usec
	return float(sum) / half.size()


# The time of a frame that has received all messages.
func _frame(body: Callable, crowd: Crowd, ready: int) -> float:
	# During the first frames the sockets are new, and idle ones join the shared poll.
	for i: int in FIRST_FRAMES:
		body.call()
		_pause()
	var usec: int = 0
	var frames: PackedInt64Array = PackedInt64Array()
	while frames.size() < LEAST_FRAMES or (usec < scale.sample_usec and frames.size() < MOST_FRAMES):
		_pause()
		if ready > 0 and not crowd.send(ready, Loops.MESSAGE_SIZE):
			problem = "the plain program does not answer"
			return NAN
		var frame: PackedInt64Array = body.call()
		if frame[1] == ready:
			usec += frame[0]
			frames.append(frame[0])
		elif not _drain(body, ready - frame[1]):
			problem = "a message did not arrive"
			return NAN
	return _middle(frames)


# Spins, since sleeping would cool the processor's caches by a varying amount.
func _pause() -> void:
	var end: int = Time.get_ticks_usec() + PAUSE_USEC
	while Time.get_ticks_usec() < end:
		pass


# Reads the messages that arrived too late for a frame. That frame does not count.
func _drain(body: Callable, messages: int) -> bool:
	var deadline: int = Time.get_ticks_msec() + Server.PATIENCE_MSEC
	while messages > 0 and Time.get_ticks_msec() < deadline:
		messages -= body.call()[1]
	return messages == 0


func _body(side: String, crowd: Crowd) -> Callable:
	_loops = TypedScript.loops(family_of(side)) if _is_typed else TypedScript.untyped_loops()
	if side == "group":
		var group: RefCounted = ClassDB.instantiate(GROUP)
		for peer: StreamPeer in crowd.peers:
			group.call(&"add", peer)
		return Callable(_loops, &"group_frame").bind(group)
	if not _is_auto_polled:
		return Callable(_loops, &"frame").bind(crowd.peers)
	if side != "ours":
		return Callable(_loops, &"polls").bind(crowd.peers)
	for peer: StreamPeer in crowd.peers:
		peer.set(&"auto_poll", true)
	return Callable(_loops, &"frame_polls")
