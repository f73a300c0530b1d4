extends SceneTree
## Objects with auto_poll lose their last reference on threads, while the main thread polls them.
## Prints "polled" at the end.

const FRAMES := 300
const KEPT := 40

var _is_over := false


func _initialize() -> void:
	Engine.max_fps = 0
	var threads: Array[Thread] = []
	for i in 4:
		var thread := Thread.new()
		thread.start(_replace)
		threads.append(thread)
	for frame in FRAMES:
		await process_frame
	_is_over = true
	for thread in threads:
		thread.wait_to_finish()
	print("polled")
	quit()


func _replace() -> void:
	var objects: Array[RefCounted] = []
	var next := 0
	while not _is_over:
		var made: Array[RefCounted] = [
			StreamPeerTCPRs.new(), TCPServerRs.new(), PacketPeerSocketRs.new(),
			StreamPeerSocketGroupRs.new(), SocketRelayRs.new(), HTTPServerRs.new(),
			WebSocketPeerRs.new(),
		]
		for object in made:
			object.auto_poll = true
			if objects.size() < KEPT:
				objects.append(object)
			else:
				objects[next % KEPT] = object
				next += 1
		OS.delay_usec(100)
