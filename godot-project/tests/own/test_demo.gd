extends "res://tests/support/test_case.gd"
## Tests of the code behind the demo's tabs, without a window.

const Address := preload("res://demo/address.gd")
const ChatClient := preload("res://demo/chat/chat_client.gd")
const ChatRoom := preload("res://demo/chat/chat_room.gd")
const Crowd := preload("res://demo/crowd/crowd.gd")
const EngineProcess := preload("res://tests/support/engine_process.gd")
const Hex := preload("res://demo/inspector/hex.gd")
const Inspection := preload("res://demo/inspector/inspection.gd")
const LocalAddresses := preload("res://demo/phones/local_addresses.gd")


func test_the_crowd_grows_exchanges_bytes_and_shrinks() -> void:
	var crowd := Crowd.new()
	check(crowd.open(), crowd.problem)
	crowd.share = 0.5
	for wanted: int in [100, 30, 60]:
		crowd.wanted = wanted
		spin_until(func() -> bool:
			crowd.frame()
			return crowd.is_complete(), "%d connections" % wanted)
		var before := crowd.received
		spin_until(func() -> bool:
			crowd.frame()
			return crowd.received > before + 10_000, "bytes")
		check_eq(crowd.problem, "", "with %d connections" % wanted)
	check(crowd.engine_times.median() > 0.0 and crowd.group_times.median() > 0.0, "times")


func test_the_chat_works_over_each_kind_of_socket_and_through_a_relay() -> void:
	var addresses := ["127.0.0.1:0"]
	if family.lacks_uds().is_empty():
		addresses.append(fresh_path())
	for text: String in addresses:
		var room := ChatRoom.new()
		check(room.open(Address.parse(text)), room.problem)
		if room.server is TCPServerRs:
			text = "127.0.0.1:%d" % (room.server as TCPServerRs).get_local_port()
		var relay := SocketRelayRs.new()
		relay.auto_poll = true
		relay.to_client.delay = 0.05
		relay.to_target.max_piece_bytes = 1
		var address := Address.parse(text)
		var error := (relay.set_target_host(address.host, address.port) if address.path.is_empty()
				else relay.set_target_path(address.path))
		check_eq([error, relay.listen(0, LOOPBACK)], [OK, OK], "the relay")
		var ann := ChatClient.new()
		var bob := ChatClient.new()
		# A lambda that captured a client would keep it alive.
		var ann_received := []
		var bob_received := []
		ann.received.connect(func(line: String) -> void: ann_received.append(line))
		bob.received.connect(func(line: String) -> void: bob_received.append(line))
		ann.join(address, "Ann")
		await until(func() -> bool: return ann_received.has("* Ann has joined"), text + ": Ann")
		bob.join(Address.parse("127.0.0.1:%d" % relay.get_local_port()), "Bob")
		await until(func() -> bool: return ann_received.has("* Bob has joined"), text + ": Bob")
		bob.say("hello")
		await until(func() -> bool:
			return ann_received.has("Bob: hello") and bob_received.has("Bob: hello"), text + ": a line")
		relay.abort_all()
		await until(func() -> bool: return ann_received.has("* Bob has left"),
				text + ": the connection is cut")
		check_eq(room.names(), ["Ann"], text + ": who is left")
		var ends := []
		ann.ended.connect(func(why: String) -> void: ends.append(why))
		room.close()
		await until(func() -> bool: return ends == ["End of file"], text + ": the end: %s" % [ends])


func test_the_chat_works_between_two_processes() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	for kind in family.kinds():
		var room := ChatRoom.new()
		var text := fresh_path() if kind == "uds" else "127.0.0.1:0"
		check(room.open(Address.parse(text)), room.problem)
		if kind == "tcp":
			text = "127.0.0.1:%d" % (room.server as TCPServerRs).get_local_port()
		var ann := ChatClient.new()
		var received := []
		ann.received.connect(func(line: String) -> void: received.append(line))
		ann.join(Address.parse(text), "Ann")
		await until(func() -> bool: return received == ["* Ann has joined"], kind + ": Ann")
		var guest := in_thread(
				func() -> Dictionary: return EngineProcess.run("children/chat_guest.gd", [text]))
		await until(func() -> bool: return received.has("* Bob has joined"), kind + ": the guest")
		# A client may send any bytes. The guest repeats what it received.
		var sender: StreamPeerSocketRs = Address.parse(text).new_peer()
		Address.parse(text).connect_peer(sender)
		await until(
				func() -> bool: return sender.poll() == OK and sender.get_status() == STATUS_CONNECTED,
				kind + ": an untrusted client")
		sender.put_data([0xff, 0xfe, 0, 0x0a, 0x80, 0x0a])
		await until(func() -> bool: return received.has("\ufffd\ufffd\ufffd: \ufffd"),
				kind + ": its noise: %s" % [received])
		sender.disconnect_from_host()
		ann.say("Grüße, Αθήνα")
		await until(func() -> bool: return received.has("Bob: Grüße, Αθήνα"), kind + ": the guest's line")
		ann.say("bye")
		await until(func() -> bool: return received.has("* Bob has left"), kind + ": the guest leaves")
		var result: Dictionary = join(guest, "the guest")
		check_eq(result["code"], 0, "%s: exit code: %s" % [kind, result["output"]])
		room.close()


func test_the_chat_disconnects_a_client_that_does_not_read() -> void:
	var room := ChatRoom.new()
	check(room.open(Address.parse("127.0.0.1:0")), room.problem)
	var port := (room.server as TCPServerRs).get_local_port()
	var deaf := StreamPeerTCPRs.new()
	# With a small buffer the system soon stops accepting bytes for it.
	deaf.set_receive_buffer_size(4096)
	deaf.connect_to_host(LOOPBACK, port)
	await until(func() -> bool: return deaf.poll() == OK and deaf.get_status() == STATUS_CONNECTED,
			"the connect")
	deaf.put_data("Deaf\r\n".to_ascii_buffer())
	await until(func() -> bool: return room.names() == ["Deaf"],
			"the name, without the end of its line")
	var ann := ChatClient.new()
	ann.join(Address.parse("127.0.0.1:%d" % port), "Ann")
	await until(func() -> bool: return room.names().size() == 2, "Ann")
	var line := "x".repeat(900)
	await until(func() -> bool:
		for i in 60:
			ann.say(line)
		return room.names() == ["Ann"], "the client that does not read to be disconnected", 30.0)
	room.close()


func test_an_inspection_can_listen_for_one_connection() -> void:
	for kind in family.kinds():
		var inspection := Inspection.new()
		var events := []
		var moved := []
		inspection.happened.connect(func(_seconds: float, what: String) -> void: events.append(what))
		inspection.moved.connect(
				func(bytes: PackedByteArray, _total: int, is_received: bool) -> void:
					moved.append([bytes, is_received]))
		var path := fresh_path() if kind == "uds" else ""
		inspection.listen(Address.parse(path if kind == "uds" else "127.0.0.1:0"))
		var peer: StreamPeer = family.peer(kind)
		if kind == "uds":
			peer.connect_to_host(path)
		else:
			peer.connect_to_host(LOOPBACK, inspection.get_listening_port())
		poll_connect(peer)
		peer.put_data(PackedByteArray([0, 255]))
		await until(func() -> bool: return moved == [[PackedByteArray([0, 255]), true]],
				kind + ": the received bytes: %s" % [events])
		inspection.send([7])
		arrived(peer, 1)
		check_eq(peer.get_u8(), 7, kind + ": the sent byte")
		peer.disconnect_from_host()
		await until(func() -> bool: return events.has("the other side has ended the stream"),
				kind + ": the end: %s" % [events])
		check_eq(inspection.get_listening_port(), 0, kind + ": it no longer listens")
	if OS.has_feature("windows"):
		return leave_out("Windows has its own error messages")
	var end := endpoint("tcp")
	var refused := Inspection.new()
	var why := []
	refused.happened.connect(func(_seconds: float, what: String) -> void: why.append(what))
	refused.listen(Address.parse("127.0.0.1:%d" % end.port))
	check(why.size() == 1 and why[0].contains("in use"), "a port that is taken: %s" % [why])


func test_an_inspection_reports_events_bytes_and_attempts() -> void:
	if OS.has_feature("windows"):
		return skip("Windows has its own error messages")
	var end := endpoint("tcp")
	var inspection := Inspection.new()
	var events := []
	var moved := []
	inspection.happened.connect(func(_seconds: float, what: String) -> void: events.append(what))
	inspection.moved.connect(
			func(bytes: PackedByteArray, total: int, is_received: bool) -> void:
				moved.append([bytes, total, is_received]))
	inspection.open(Address.parse("127.0.0.1:%d" % end.port))
	var served := accept(end)
	await until(func() -> bool: return events.has("connected"), "the connect")
	inspection.send([1, 2])
	var all := PackedByteArray(range(256))
	served.put_data(all)
	await until(func() -> bool: return moved.size() == 2, "bytes both ways")
	check_eq(moved, [[PackedByteArray([1, 2]), 0, false], [all, 0, true]], "the bytes")
	served.abort()
	await until(
			func() -> bool: return events.any(func(what: String) -> bool: return what.contains("reset")),
			"the reset: %s" % [events])
	end.stop()
	inspection.open(Address.parse("localhost:%d" % end.port))
	await until(
			func() -> bool: return events.any(func(what: String) -> bool: return what.contains("refused")),
			"the refusal: %s" % [events])
	check_eq(inspection.attempts().size(), 2, "both addresses were tried")
	inspection.close()


func test_bytes_are_shown_in_hex_and_as_text() -> void:
	check_eq(Hex.dump("a line\n".to_ascii_buffer(), 16),
			"000010  %-47s  a line.\n" % "61 20 6c 69 6e 65 0a", "a short one")
	check_eq(Hex.dump(PackedByteArray(range(17))).count("\n"), 2, "lines")
	check_eq(Hex.dump([]), "", "nothing")
	var much := PackedByteArray()
	much.resize(1 << 20)
	check_eq(Hex.dump(much).count("\n"), 257, "lines of much")
	check(Hex.dump(much).ends_with("\nand 1044480 bytes more\n"), "the rest of much")


func test_the_inspector_keeps_only_the_newest_lines() -> void:
	if not ClassDB.class_exists(&"RichTextLabel"):
		return skip("this engine was built without what the demo's window shows")
	var tab: Control = load("res://demo/inspector/inspector_tab.tscn").instantiate()
	(Engine.get_main_loop() as SceneTree).root.add_child(tab)
	for i in 100:
		tab.inspection.happened.emit(1.0, "event %d" % i)
		tab.inspection.moved.emit(PackedByteArray(range(256)), 256 * i, i % 2 == 0)
	var text: String = tab.text()
	check(text.contains("event 99\n") and text.contains("006300  00 01 02"), "the newest lines")
	check(text.contains("event 0\n"), "everything that the log has room for")
	for i in 300:
		tab.inspection.moved.emit(PackedByteArray(range(256)), 0, false)
	text = tab.text()
	check(not text.contains("006300  00 01 02"), "the oldest lines are removed")
	check(text.count("\n") < 2200, "%d lines are kept" % text.count("\n"))
	tab.free()


func test_phones_get_in_only_after_somebody_has_chosen_that() -> void:
	if not ClassDB.class_exists(&"OptionButton"):
		return skip("this engine was built without what the demo's window shows")
	var tab: Control = load("res://demo/phones/phones_tab.tscn").instantiate()
	(Engine.get_main_loop() as SceneTree).root.add_child(tab)
	var port: int = tab.game.server.get_local_port()
	check_eq(tab.url(), "http://127.0.0.1:%d/" % port, "the page")
	await _shows(tab, [tab.url(), "0 of 8 players", "Only browsers on this machine"])
	var phone := await _phone(tab)
	phone.send_text("1 0")
	tab.game.coin = tab.game.players[0].position
	await _shows(tab, [tab.url(), "1 of 8 players, with 1 points"])
	check(tab.game.players[0].position.x > tab.game.AREA.get_center().x, "the dot has moved")
	if OS.has_feature("linux"):
		# Another address of this machine stands for one in its network.
		tab.serve_at("127.0.0.2")
		var url := "http://127.0.0.2:%d/" % port
		await _shows(tab, [url, "0 of 8 players", "Every device in this network", str(port)])
		check_eq(phone.get_close_code(), 1001, "the code for the player that was there")
		phone = await _phone(tab)
	# Nobody has this address: it is reserved for documentation (RFC 5737).
	tab.serve_at("192.0.2.1")
	await _shows(tab, ["0 of 8 players", "192.0.2.1"])
	check_eq(tab.url(), "", "no page")
	tab.serve_at(LOOPBACK)
	await _shows(tab, ["http://127.0.0.1:", "Only browsers on this machine"])
	tab.free()


## Waits until a tab shows all of `parts`.
func _shows(tab: Control, parts: Array) -> void:
	await until(func() -> bool:
		return parts.all(func(part: String) -> bool: return tab.text().contains(part)),
				"the tab to show %s, which shows: %s" % [parts, tab.text()])


## A page that has opened in a browser, to the game.
func _phone(tab: Control) -> WebSocketPeerRs:
	var phone := WebSocketPeerRs.new()
	phone.auto_poll = true
	phone.connect_to_url("%splay" % tab.url().replace("http:", "ws:"))
	await until(func() -> bool: return phone.get_ready_state() == WebSocketPeerRs.STATE_OPEN,
			"a phone")
	return phone


func test_addresses_of_local_networks_are_offered() -> void:
	check_eq(LocalAddresses.of(["127.0.0.1", "192.168.1.20", "10.0.0.7", "172.16.0.1", "172.31.255.1",
			"192.168.1.20", "172.15.0.1", "172.32.0.1", "11.0.0.1", "110.0.0.1", "8.8.8.8", "169.254.1.1",
			"192.169.0.1", "fe80:0:0:0:0:0:0:1", "fd00:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:1", ""]),
			PackedStringArray(["192.168.1.20", "10.0.0.7", "172.16.0.1", "172.31.255.1"]), "private ones")


func test_addresses_are_parsed_by_their_kind() -> void:
	var table := {"localhost:80": ["localhost", 80, ""], "[::1]:5": ["::1", 5, ""],
			" 10.0.0.1:0 ": ["10.0.0.1", 0, ""],
			"/tmp/x": ["", 0, "/tmp/x"], "user://a.sock": ["", 0, "user://a.sock"], "host": null,
			":80": null, "a:70000": null, "a:b": null}
	for text: String in table:
		var address := Address.parse(text)
		check_eq([address.host, address.port, address.path] if address != null else null, table[text],
				text)
