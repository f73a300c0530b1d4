extends SceneTree
## Connects a WebSocket to a name whose lookup hangs, until the handshake takes too long. Prints how
## long `connect_to_url` and the longest `poll` took, and how it ended.


func _initialize() -> void:
	var socket := WebSocketPeerRs.new()
	socket.handshake_timeout = 0.1
	var start := Time.get_ticks_msec()
	print("connect_to_url %d" % socket.connect_to_url("ws://hang.test/"))
	print("connect_to_url took %d ms" % (Time.get_ticks_msec() - start))
	var log_path := OS.get_environment("RESOLVER_LOG")
	var deadline := Time.get_ticks_msec() + 10000
	while not _has_line(log_path) and Time.get_ticks_msec() < deadline:
		OS.delay_usec(200)
	print("asked %s" % _has_line(log_path))
	var longest := 0
	while socket.get_ready_state() != WebSocketPeerRs.STATE_CLOSED:
		start = Time.get_ticks_msec()
		socket.poll()
		longest = maxi(longest, Time.get_ticks_msec() - start)
		OS.delay_msec(1)
	print("poll took %d ms" % longest)
	print("closed %d, %s" % [socket.get_close_code(), socket.get_last_error_message()])
	quit()


func _has_line(path: String) -> bool:
	return (FileAccess.file_exists(path)
			and FileAccess.get_file_as_string(path).begins_with("hang.test\n"))
