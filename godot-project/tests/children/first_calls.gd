extends SceneTree
## Two threads repeatedly make the first call of a method of the same object at the same moment. The
## engine looks up such a method without a lock.

const OBJECTS := 200

var _objects: Array[StreamPeerUDSRs] = []


func _initialize() -> void:
	for round in 3:
		var others: Array[StreamPeerUDSRs] = []
		for i in OBJECTS:
			var pair := StreamPeerUDSRs.create_pair()
			_objects.append(pair[0])
			others.append(pair[1])
		var one := Progress.new()
		var other := Progress.new()
		var threads: Array[Thread] = [Thread.new(), Thread.new()]
		threads[0].start(_run.bind(one, other))
		threads[1].start(_run.bind(other, one))
		for thread in threads:
			thread.wait_to_finish()
		_objects.clear()
	print("survived")
	quit()


func _run(mine: Progress, others: Progress) -> void:
	var data := PackedByteArray([1, 2, 3])
	for i in _objects.size():
		var peer := _objects[i]
		mine.reached = i + 1
		while others.reached < i + 1:
			pass
		peer.put_data(data)


## How far a thread has got. Each thread waits for the other one.
class Progress:
	var reached := 0
