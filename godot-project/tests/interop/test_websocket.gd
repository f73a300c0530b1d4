extends "res://tests/support/test_case.gd"
## WebSockets against other programs: Autobahn's cases, run by kosoku, Python's websockets and
## wsproto, and ws of Node.js.
##
## With the environment variable AUTOBAHN=all, all 517 cases run; otherwise those that take moments.

const Tool := preload("res://tests/interop/tool.gd")

const SHORT: Array[String] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*", "9.1.1",
		"9.2.2", "9.3.5", "9.4.5", "9.5.6", "9.7.1", "9.8.1", "12.1.1", "12.2.3", "12.3.5",
		"12.4.2", "12.5.1", "13.1.1", "13.2.2", "13.3.3", "13.4.1", "13.5.2", "13.6.1",
		"13.7.2"]
const ALL_CASES := 517
const MAX_BYTES := 64 << 20
const STATE_OPEN := WebSocketPeerRs.STATE_OPEN
const STATE_CLOSED := WebSocketPeerRs.STATE_CLOSED


func time_limits() -> Dictionary:
	var limit := 7200 if _is_whole() else 180
	return {"test_autobahn_finds_no_fault_in_a_server": limit,
			"test_autobahn_finds_no_fault_in_a_client": limit}


func test_autobahn_finds_no_fault_in_a_server() -> void:
	if _lacks("kosoku"):
		return
	var server := TCPServerRs.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var reports := fresh_path()
	var address := "%s:%d" % [LOOPBACK, server.get_local_port()]
	var kosoku := Tool.start("kosoku", ["-m", "fuzzingclient", "-p", "2", "-o", reports]
			+ _selection() + [address])
	var peers: Dictionary[WebSocketPeerRs, bool] = {}
	spin_until(func() -> bool:
		while server.is_connection_available():
			var accepted := _peer()
			accepted.accept_stream(server.take_connection())
			peers[accepted] = true
		for peer: WebSocketPeerRs in peers.keys():
			_echo(peer)
			if peer.get_ready_state() == STATE_CLOSED:
				peers.erase(peer)
		return not kosoku.is_running(), "kosoku to end", _patience())
	_check_reports(reports, "our server")


func test_autobahn_finds_no_fault_in_a_client() -> void:
	if _lacks("kosoku"):
		return
	# A port that was free a moment ago.
	var server := TCPServerRs.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var address := "%s:%d" % [LOOPBACK, server.get_local_port()]
	server.stop()
	var reports := fresh_path()
	var kosoku := Tool.start("kosoku", ["-m", "fuzzingserver", "-o", reports]
			+ _selection() + [address])
	var peer := _peer()
	# Some cases are for clients that can do without the context.
	peer.compression_context_takeover = false
	var count := [""]
	spin_until(func() -> bool:
		if peer.get_ready_state() == STATE_CLOSED and count[0].is_empty():
			peer.connect_to_url("ws://%s/getCaseCount" % address)
		peer.poll()
		if peer.get_available_packet_count() > 0:
			count[0] = peer.get_packet().get_string_from_utf8()
		return not count[0].is_empty() and peer.get_ready_state() == STATE_CLOSED, "the count of cases")
	for number in range(1, count[0].to_int() + 1):
		peer.connect_to_url("ws://%s/runCase?case=%d&agent=ours" % [address, number])
		spin_until(func() -> bool:
			_echo(peer)
			return peer.get_ready_state() == STATE_CLOSED, "case %d" % number, 600)
	peer.connect_to_url("ws://%s/updateReports?agent=ours" % address)
	spin_until(func() -> bool:
		peer.poll()
		return peer.get_ready_state() == STATE_CLOSED and not kosoku.is_running(), "the reports", 60)
	kosoku.stop()
	_check_reports(reports, "our client")


func test_pythons_websockets_is_served() -> void:
	if _lacks("websockets"):
		return
	for compression: bool in [false, true]:
		var peer := _serve("websockets", "websocket_peer.py", compression)
		check_eq(peer.get_close_reason(), "that was all ✓", "the reason")


func test_pythons_websockets_serves_us() -> void:
	if _lacks("websockets"):
		return
	var tool := Tool.start("websockets", [Tool.script("websocket_peer.py"), "server"])
	_talk_to(tool.line())
	tool.stop()


func test_ws_of_node_is_served() -> void:
	if _lacks("ws"):
		return
	for compression: bool in [false, true]:
		_serve("ws", "websocket_peer.js", compression)


func test_ws_of_node_serves_us() -> void:
	if _lacks("ws"):
		return
	var tool := Tool.start("ws", [Tool.script("websocket_peer.js"), "server"])
	_talk_to(tool.line())
	tool.stop()


func test_python_keeps_a_connection_while_the_main_thread_does_nothing() -> void:
	if _lacks("websockets"):
		return
	var server := TCPServerRs.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var url := "ws://%s:%d/" % [LOOPBACK, server.get_local_port()]
	var client := Tool.start("websockets", [Tool.script("websocket_peer.py"), "pings", url])
	spin_until(func() -> bool: return server.is_connection_available(), "a connection")
	var peer := _peer()
	peer.keep_alive_in_background = true
	peer.accept_stream(server.take_connection())
	spin_until(func() -> bool:
		peer.poll()
		return peer.get_ready_state() == STATE_OPEN, "the handshake")
	# As while a level is loaded. The client sends a ping each second, and waits for a second.
	OS.delay_msec(10000)
	check_eq(peer.get_ready_state(), STATE_OPEN, "the state")
	check(peer.get_statistics().pings_received >= 8, "pings were answered")
	peer.send_text("done")
	spin_until(func() -> bool:
		peer.poll()
		return peer.get_ready_state() == STATE_CLOSED, "the end")
	check_eq(client.line(), "done", "the client got it")


func test_wsproto_agrees_about_random_frames() -> void:
	if _lacks("python-web"):
		return
	var server := TCPServerRs.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var tool := Tool.start("python-web",
			[Tool.script("wsproto_streams.py"), "3000", str(server.get_local_port())])
	var peers: Array[WebSocketPeerRs] = []
	var messages := []
	spin_until(func() -> bool:
		if server.is_connection_available():
			peers.append(_peer())
			peers[0].accept_stream(server.take_connection())
		if not peers.is_empty():
			var peer := peers[0]
			peer.poll()
			while peer.get_available_packet_count() > 0:
				var packet := peer.get_packet()
				messages.append([peer.was_string_packet(), packet.hex_encode()])
			if peer.get_ready_state() == STATE_CLOSED:
				tool.put_line(JSON.stringify([messages, peer.get_statistics().pings_received, _end(peer),
						peer.get_close_code()]))
				peers.clear()
				messages.clear()
		return not tool.is_running(), "wsproto to end", 170)
	var result: Variant = JSON.parse_string(tool.line())
	if not check(result is Array, "it has compared all streams"):
		return
	print("same %d, messages %d, differences %s" % result.slice(0, 3))
	check(result[0] > 1000 and result[1] > 1000, "many are the same, and there are many messages")
	check_eq(result[3], [], "%d differences without a reason in docs/web.md" % result[4])


## How a stream has ended: by a close frame, by a violation, or by its end.
func _end(peer: WebSocketPeerRs) -> String:
	if peer.get_close_code() == -1:
		return "open"
	return "closed" if peer.get_last_error_message().is_empty() else "refused"


## Talks to the server of another program, which greets and echoes.
func _talk_to(port: String) -> void:
	for compression: bool in [false, true]:
		var peer := _peer()
		peer.compression = compression
		peer.supported_protocols = ["a", "b"]
		peer.handshake_headers = ["X-Test: yes"]
		check_eq(peer.connect_to_url("ws://localhost:%s/chat?x=1" % port), OK, "connect_to_url")
		spin_until(func() -> bool:
			peer.poll()
			return peer.get_available_packet_count() > 0, "the greeting", 60)
		check_eq(peer.get_packet().get_string_from_utf8(), "/chat?x=1 yes", "the greeting")
		check_eq(peer.get_selected_protocol(), "a", "the protocol")
		check_eq(peer.is_compressing(), compression, "compression")
		for size in [0, 1, 125, 126, 65535, 65536, 1 << 20]:
			var message := _zebra(size)
			check_eq(peer.send(message), OK, "send %d bytes" % size)
			spin_until(func() -> bool:
				peer.poll()
				return peer.get_available_packet_count() > 0, "the echo", 60)
			check(peer.get_packet() == message, "%d bytes come back" % size)
		peer.close(4002, "bye")
		spin_until(func() -> bool:
			peer.poll()
			return peer.get_ready_state() == STATE_CLOSED, "the end")
		check_eq(peer.get_close_code(), 4002, "the code")


# Serves a client until it closes. Returns our peer.
func _serve(tool: String, script: String, compression: bool) -> WebSocketPeerRs:
	var server := TCPServerRs.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var url := "ws://%s:%d/chat" % [LOOPBACK, server.get_local_port()]
	var client := Tool.start(tool, [Tool.script(script), "client", url])
	spin_until(func() -> bool: return server.is_connection_available(), "a connection")
	var peer := _peer()
	peer.compression = compression
	peer.supported_protocols = ["b"]
	peer.accept_stream(server.take_connection())
	spin_until(func() -> bool:
		_echo(peer)
		return peer.get_ready_state() == STATE_CLOSED, "the end", 60)
	check_eq(client.line(), "b %s ok" % ("compressed" if compression else "plain"), "its report")
	check_eq(peer.get_close_code(), 4001, "the code")
	return peer


func _lacks(tool: String) -> bool:
	var is_there := FileAccess.file_exists(OS.get_environment("INTEROP_TOOLS").path_join(tool))
	if not is_there:
		skip("%s is not there" % tool)
	return not is_there


func _peer() -> WebSocketPeerRs:
	var peer := WebSocketPeerRs.new()
	peer.compression = true
	# kosoku takes a message without compression for another type than it expects.
	peer.compression_threshold = 0
	peer.inbound_buffer_size = MAX_BYTES
	peer.outbound_buffer_size = 0
	return peer


func _echo(peer: WebSocketPeerRs) -> void:
	peer.poll()
	while peer.get_available_packet_count() > 0 and peer.get_ready_state() == STATE_OPEN:
		var packet := peer.get_packet()
		peer.send(packet, WebSocketPeerRs.WRITE_MODE_TEXT if peer.was_string_packet()
				else WebSocketPeerRs.WRITE_MODE_BINARY)


func _is_whole() -> bool:
	return OS.get_environment("AUTOBAHN") == "all"


func _patience() -> float:
	return 7000.0 if _is_whole() else 170.0


func _selection() -> Array[String]:
	var arguments: Array[String] = []
	if not _is_whole():
		for case in SHORT:
			arguments.append_array(["-i", case])
	return arguments


## Checks and prints how the cases ended. A case without a verdict is informational.
func _check_reports(folder: String, what: String) -> void:
	var text := FileAccess.get_file_as_string(folder.path_join("index.json"))
	var agents: Dictionary = JSON.parse_string(text) if not text.is_empty() else {}
	var counts := {}
	var wrong: Array[String] = []
	for agent: String in agents:
		for case: String in agents[agent]:
			var verdicts: Dictionary = agents[agent][case]
			var verdict: String = verdicts.behavior
			if verdicts.behaviorClose not in ["OK", "INFORMATIONAL"]:
				verdict = "FAILED"
			counts[verdict] = counts.get(verdict, 0) + 1
			if verdict not in ["OK", "INFORMATIONAL"]:
				wrong.append("%s %s" % [case, verdict])
	print("Autobahn and %s: %s %s" % [what, counts, wrong])
	var total := 0
	for verdict: String in counts:
		total += counts[verdict]
	check(total >= (ALL_CASES if _is_whole() else 250), "%d cases" % total)
	check(counts.get("NON-STRICT", 0) <= 10, "at most 10 are not strict")
	wrong = wrong.filter(func(line: String) -> bool: return not line.ends_with("NON-STRICT"))
	check_eq(wrong, [] as Array[String], "the cases that failed")
	_remove(folder)


func _zebra(size: int) -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(size)
	for i in range(0, size, 3):
		bytes[i] = i * 5 & 255
	return bytes
