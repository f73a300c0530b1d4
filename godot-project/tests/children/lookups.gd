extends SceneTree
## Connects to names whose lookups succeed late, fail or hang, and prints the outcomes. Argument:
## the port.

var _port := OS.get_cmdline_user_args()[0].to_int()


func _initialize() -> void:
	_run()


func _run() -> void:
	await process_frame
	print("none: %s" % [await _connect("none.test")])
	print("slow: %s" % [await _connect("slow.test")])
	print("limited: %s" % [await _connect("hang.test", 0.1)])
	print("cancelled: %s" % [await _connect("hang.test", -1.0, true)])
	# Lookups that hang do not delay other ones.
	print("beside: %s" % [await _connect("both.test")])
	await _other_uses()
	quit()


func _connect(name: String, limit := -1.0, cancel := false) -> Array:
	var peer := StreamPeerTCPRs.new()
	peer.auto_poll = true
	peer.connect_timeout = limit
	var seen := [0]
	peer.connect_finished.connect(func(_error: Error) -> void: seen[0] += 1)
	var accepted := peer.connect_to_host(name, _port)
	var status := peer.get_status()
	if cancel:
		peer.disconnect_from_host()
	var error: Error = await peer.connect_finished
	for i in 3:
		await process_frame
	return [accepted, status, error, seen[0], peer.get_status(), peer.get_last_error(),
			peer.get_last_error_message()]


# A peer can be used again as soon as its lookup is cancelled.
func _other_uses() -> void:
	var peer := StreamPeerTCPRs.new()
	peer.auto_poll = true
	peer.connect_to_host("hang.test", _port)
	peer.disconnect_from_host()
	peer.connect_to_host("127.0.0.1", _port)
	var ends := []
	while ends.size() < 2:
		ends.append(await peer.connect_finished)
	print("again: %s, status %d" % [ends, peer.get_status()])
	# Data that is put during a lookup.
	var writer := StreamPeerTCPRs.new()
	writer.write_buffer_limit = 100
	writer.auto_poll = true
	writer.connect_to_host("slow.test", _port)
	print("put: %d, pending %d, host '%s'"
			% [writer.put_data([1, 2, 3]), writer.get_pending_write_bytes(), writer.get_connected_host()])
	await writer.drained
	print("sent: pending %d, status %d, host '%s'"
			% [writer.get_pending_write_bytes(), writer.get_status(), writer.get_connected_host()])
	# A peer that is bound to one family uses the address of that family.
	var bound := StreamPeerTCPRs.new()
	bound.auto_poll = true
	bound.bind(0, "127.0.0.1")
	bound.connect_to_host("both.test", _port)
	print("bound: %d, host '%s'" % [await bound.connect_finished, bound.get_connected_host()])
