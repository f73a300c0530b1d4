extends SceneTree
## Two threads make the first call of a method of the same object at the same moment, again and again. The engine looks
## such a method up without a lock.

const OBJECTS := 200

var _objects: Array[StreamPeerUDSRs] = []
# How far each thread is. Each waits for the other one.
var _first := 0
var _second := 0


func _initialize() -> void:
	for round in 3:
		var others: Array[StreamPeerUDSRs] = []
		for i in OBJECTS:
			var pair := StreamPeerUDSRs.create_pair()
			_objects.append(pair[0])
			others.append(pair[1])
		_first = 0
		_second = 0
		var threads: Array[Thread] = [Thread.new(), Thread.new()]
		threads[0].start(_run_first)
		threads[1].start(_run_second)
		for thread in threads:
			thread.wait_to_finish()
		_objects.clear()
	print("survived")
	quit()


func _run_first() -> void:
	var data := PackedByteArray([1, 2, 3])
	for i in _objects.size():
		var peer := _objects[i]
		_first = i + 1
		while _second < i + 1:
			pass
		peer.put_data(data)


func _run_second() -> void:
	var data := PackedByteArray([4, 5, 6])
	for i in _objects.size():
		var peer := _objects[i]
		_second = i + 1
		while _first < i + 1:
			pass
		peer.put_data(data)
