extends SceneTree
## Lets go of a peer while threads are inside a call of it, whose name is the argument. A callable does not keep its object.

const MUCH := 32 << 20
const THREADS := 8


func _initialize() -> void:
	var method := OS.get_cmdline_user_args()[0]
	for round in 20:
		var pair: Array = StreamPeerUDSRs.create_pair()
		var other: StreamPeerUDSRs = pair.pop_back()
		var data := PackedByteArray()
		data.resize(MUCH)
		var call := Callable(pair[0], method)
		match method:
			"get_data":
				call = call.bind(1)
			"put_data":
				call = call.bind(data)
			"flush":
				pair[0].write_buffer_limit = MUCH
				pair[0].put_data(data)
				pair[0].write_buffer_limit = 0
				while other.get_partial_data(MUCH)[1].size() > 0:
					pass
		var threads: Array[Thread] = []
		for i in THREADS:
			threads.append(Thread.new())
			threads[i].start(call)
		# Nothing shows that they wait for their turn. One that comes too late finds the object gone, and the more often this
		# is tried the less it matters.
		OS.delay_msec(30)
		pair.clear()
		for thread in threads:
			thread.wait_to_finish()
	print("survived")
	quit()

