extends "res://tests/support/test_case.gd"
## The monitors that the editor's debugger shows for a running game, and the setting that disables
## them.

const EngineProcess := preload("res://tests/support/engine_process.gd")

const NAMES := ["Sockets/Open Connections", "Sockets/Connects", "Sockets/Failures",
		"Sockets/Bytes In per Second", "Sockets/Bytes Out per Second", "Sockets/Packets In per Second",
		"Sockets/Packets Out per Second", "Sockets/Bytes Queued"]

const QUEUED := "Sockets/Bytes Queued"


func test_debug_builds_have_monitors() -> void:
	if not OS.has_feature("debug"):
		return skip("this is a release build")
	for name: String in NAMES:
		check(Performance.has_custom_monitor(name), name)
		check(Performance.get_custom_monitor(name) >= 0, name + ": its value")


func test_monitors_count_connections() -> void:
	if not Performance.has_custom_monitor(NAMES[0]):
		return skip("this is a release build")
	var before := _connections()
	var pair := link("tcp")
	check_eq(_connections(), [before[0] + 2, before[1] + 1, before[2]], "a connect and its accept")
	pair.client.disconnect_from_host()
	check_eq(_connections(), [before[0] + 1, before[1] + 1, before[2]], "one end is closed")
	pair.served = null
	check_eq(_connections(), [before[0], before[1] + 1, before[2]], "both ends are closed")
	pair.endpoint.stop()
	pair.endpoint.connect_peer(pair.client)
	settle(pair.client)
	check_eq(_connections(), [before[0], before[1] + 1, before[2] + 1], "a connect that is refused")


func test_monitors_show_rates_of_bytes_and_packets() -> void:
	if not Performance.has_custom_monitor(NAMES[0]):
		return skip("this is a release build")
	var pair := link(family.local_kind())
	var packets := [PacketPeerSocketRs.new(), PacketPeerSocketRs.new()]
	packets[0].stream = pair.client
	packets[1].stream = pair.served
	var most := [0.0, 0.0, 0.0, 0.0]
	# While bytes are moved all the time, each window of the rate contains some.
	spin_until(func() -> bool:
		packets[0].put_packet([1, 2, 3, 4])
		packets[1].get_packet()
		for i in most.size():
			most[i] = maxf(most[i], Performance.get_custom_monitor(NAMES[3 + i]))
		return most.min() > 0.0, "rates in both directions")
	check(most[0] > most[2] and most[1] > most[3], "a packet has several bytes: %s" % [most])


func test_monitors_show_rates_of_websocket_messages() -> void:
	if not Performance.has_custom_monitor(NAMES[0]):
		return skip("this is a release build")
	var pair := link(family.local_kind())
	var client := WebSocketPeerRs.new()
	var server := WebSocketPeerRs.new()
	client.connect_to_stream(pair.client, "ws://localhost/")
	server.accept_stream(pair.served)
	# One end receives by signal, the other one takes packets.
	var answer := func(_packet: PackedByteArray, _is_text: bool) -> void: server.send_text("answer")
	server.packet_received.connect(answer)
	var most := [0.0, 0.0]
	var names := [NAMES[5], NAMES[6]]
	spin_until(func() -> bool:
		client.poll()
		server.poll()
		if client.get_ready_state() == WebSocketPeerRs.STATE_OPEN:
			client.send_text("hello")
		client.get_packet()
		for i in most.size():
			most[i] = maxf(most[i], Performance.get_custom_monitor(names[i]))
		return most.min() > 0.0, "rates in both directions")
	# The handler has a reference to the object that has the signal.
	server.packet_received.disconnect(answer)


func test_monitors_sum_queued_bytes() -> void:
	if not Performance.has_custom_monitor(NAMES[0]):
		return skip("this is a release build")
	var before: int = Performance.get_custom_monitor(QUEUED)
	var pairs := [link("tcp"), link("tcp")]
	for pair: Link in pairs:
		pair.client.coalesce_writes = true
		pair.client.put_data([1, 2, 3])
	check_eq(Performance.get_custom_monitor(QUEUED), before + 6, "the coalesced bytes of two peers")
	pairs[0].client.flush()
	check_eq(Performance.get_custom_monitor(QUEUED), before + 3, "after one is flushed")
	pairs[1].client = null
	check_eq(Performance.get_custom_monitor(QUEUED), before, "after the other peer is freed")


## Threads make and free peers while the monitors are read.
func test_monitors_can_be_read_while_threads_make_peers() -> void:
	if not Performance.has_custom_monitor(NAMES[0]):
		return skip("this is a release build")
	var threads := range(3).map(func(_i: int) -> Thread: return in_thread(func() -> void:
		for round in 300:
			StreamPeerTCPRs.new().coalesce_writes = round % 2 == 0))
	while threads.any(func(thread: Thread) -> bool: return thread.is_alive()):
		for name: String in NAMES:
			check(Performance.get_custom_monitor(name) >= 0, name)
	for thread: Thread in threads:
		join(thread, "a thread")


func test_a_project_can_disable_the_monitors() -> void:
	if not EngineProcess.available():
		return skip("a second engine cannot be run here")
	for has_monitors: bool in [true, false]:
		var project := fresh_path()
		EngineProcess.project(project, "[debug]\nsettings/stream_sockets/monitors=%s\n" % has_monitors)
		var script := project.path_join("list_monitors.gd")
		DirAccess.copy_absolute("res://tests/children/list_monitors.gd", script)
		var run := EngineProcess.run(script, [], {}, 0, [], project)
		check_eq(run.code, 0, "exit code")
		check(run.output.contains("listed"), "the script has run: " + run.output)
		check_eq(run.output.contains("Sockets/"), has_monitors and OS.has_feature("debug"),
				"monitors in " + run.output)
		check(not run.output.contains("ERROR"), "no error in " + run.output)
		OS.execute("rm", ["-r", project])


func _connections() -> Array:
	return NAMES.slice(0, 3).map(Performance.get_custom_monitor)
