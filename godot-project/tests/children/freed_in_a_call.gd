extends SceneTree
## Frees a peer or a packet peer while threads are inside one of its methods. The argument names the
## method. A callable does not keep its object alive: with any class, the engine would crash in a
## thread that has not yet entered the call. So this waits until all threads are blocked.

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
			"put_packet", "put_text":
				pair[0] = _packets_over(pair[0])
				var value: Variant = data if method == "put_packet" else "x".repeat(MUCH >> 5)
				call = Callable(pair[0], method).bind(value)
			"flush":
				pair[0].write_buffer_limit = MUCH
				pair[0].put_data(data)
				pair[0].write_buffer_limit = 0
				while other.get_partial_data(MUCH)[1].size() > 0:
					pass
		var before := _tasks()
		var threads: Array[Thread] = []
		for i in THREADS:
			threads.append(Thread.new())
			threads[i].start(call)
		_wait_until_asleep(before)
		pair.clear()
		# A packet peer does not own its stream, so its calls end with the stream. A disconnect
		# would read all that they send first.
		other.abort()
		for thread in threads:
			thread.wait_to_finish()
	print("survived")
	quit()


func _packets_over(stream: StreamPeerUDSRs) -> PacketPeerSocketRs:
	var packets := PacketPeerSocketRs.new()
	packets.stream = stream
	packets.max_packet_bytes = MUCH
	return packets


# Waits until all new threads (those not in `before`) have slept for a while. Only the call makes
# them sleep that long.
func _wait_until_asleep(before: PackedStringArray) -> void:
	var last := {}
	while true:
		OS.delay_msec(10)
		var now := {}
		for task in _tasks():
			if task not in before:
				now[task] = _sleep_of(task)
		if now.size() == THREADS and now == last and "" not in now.values():
			return
		last = now


func _tasks() -> PackedStringArray:
	return DirAccess.get_directories_at("/proc/self/task")


# A value that identifies the thread's current sleep. Empty if the thread is not asleep.
func _sleep_of(task: String) -> String:
	var file := FileAccess.open("/proc/self/task/%s/status" % task, FileAccess.READ)
	var sleeps := false
	while file != null and not file.eof_reached():
		var line := file.get_line()
		if line.begins_with("State:"):
			sleeps = "sleeping" in line
		elif line.begins_with("voluntary_ctxt_switches:") and sleeps:
			return line
	return ""
