extends SceneTree
## Many threads call methods of objects of one class, inside calls of other objects of that class.
## Each object must get its own packets, and no call may fail because another one runs.

const THREADS := 8
const ROUNDS := 200


func _initialize() -> void:
	var threads: Array[Thread] = []
	for i in THREADS:
		var thread := Thread.new()
		thread.start(_run.bind(i))
		threads.append(thread)
	var faults := 0
	for thread in threads:
		faults += thread.wait_to_finish()
	print("faults %d" % faults)
	quit()


# Returns the number of answers that were wrong.
func _run(number: int) -> int:
	var outer := Pair.new(number)
	var inner := Pair.new(-number)
	var faults := 0
	for round in ROUNDS:
		var value := Spoken.new(func() -> void:
			inner.near.put_text("%d inner %d" % [number, round])
			inner.near.get_last_error()
			PacketPeerSocketRs.encode_text("static"))
		var failed: bool = outer.near.put_json([value, number, round]) != OK
		failed = failed or outer.near.max_packet_bytes != 1000 + number
		failed = failed or inner.near.max_packet_bytes != 1000 - number
		failed = failed or inner.next() != "%d inner %d" % [number, round]
		failed = failed or not outer.next().ends_with(",%d,%d]" % [number, round])
		faults += int(failed)
	return faults


## Two packet peers over a connected pair.
class Pair:
	var near := PacketPeerSocketRs.new()
	var far := PacketPeerSocketRs.new()

	func _init(number: int) -> void:
		var ends := StreamPeerUDSRs.create_pair()
		near.stream = ends[0]
		far.stream = ends[1]
		near.max_packet_bytes = 1000 + number

	func next() -> String:
		while far.get_available_packet_count() == 0:
			far.poll()
		return far.get_packet().get_string_from_utf8()


## An object that runs code when it is written as text.
class Spoken:
	var _body: Callable

	func _init(body: Callable) -> void:
		_body = body

	func _to_string() -> String:
		_body.call()
		return "spoken"
