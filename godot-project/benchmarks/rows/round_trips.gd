extends "res://benchmarks/stream_row.gd"
## Small messages to the plain program and back, one at a time: microseconds.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

## The bytes of a message, as in the plain program.
const MESSAGE_SIZE: int = 32


static func all() -> Array:
	return [new()._over("tcp", ""), new()._over("uds", ", Unix")]


func _over(kind: String, suffix: String) -> RefCounted:
	names = ["round trip, p50" + suffix, "round trip, p99" + suffix]
	_use(kind)
	return self


func sample(side: String) -> PackedFloat64Array:
	if side == "plain":
		var result: Dictionary = Plain.measure(["round-trips", Plain.name_of(_kind), str(scale.trips)],
				["echo"])
		return [result.get("p50_usec", NAN), result.get("p99_usec", NAN)]
	return _trips(family_of(side))


func _trips(family: Family) -> PackedFloat64Array:
	var server: Server = Server.new()
	server.listen(family, _kind)
	var far: int = Plain.start("echo", server.address())
	var near: StreamPeer = server.accept()
	if near == null:
		problem = "the plain program does not connect"
		return [NAN, NAN]
	var loops: RefCounted = TypedScript.loops(family, _kind)
	# The first trip waits until the other process is running.
	loops.call(&"round_trips", near, 1, MESSAGE_SIZE)
	var times: PackedInt64Array = loops.call(&"round_trips", near, scale.trips, MESSAGE_SIZE)
	near.call(&"disconnect_from_host")
	server.stop()
	Plain.join(far)
	return [_percentile(times, 0.5), _percentile(times, 0.99)]


# The clock counts whole microseconds, so equal times are assumed to be spread evenly over their
# microsecond.
static func _percentile(times: PackedInt64Array, part: float) -> float:
	times.sort()
	var wanted: float = part * times.size()
	var time: int = times[mini(int(wanted), times.size() - 1)]
	var below: int = times.bsearch(time)
	return time - 0.5 + (wanted - below) / (times.bsearch(time, false) - below)
