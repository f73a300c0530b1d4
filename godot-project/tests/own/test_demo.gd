extends "res://tests/support/test_case.gd"
## What is behind the demo's tabs, without a window.

const Address := preload("res://demo/address.gd")
const ChatClient := preload("res://demo/chat/chat_client.gd")
const ChatRoom := preload("res://demo/chat/chat_room.gd")
const Crowd := preload("res://demo/crowd/crowd.gd")
const Hex := preload("res://demo/inspector/hex.gd")
const Inspection := preload("res://demo/inspector/inspection.gd")


func test_a_crowd_grows_talks_and_shrinks() -> void:
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


func test_a_chat_over_each_kind_of_socket_and_through_a_relay() -> void:
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
		var error := relay.set_target_host(address.host, address.port) if address.path.is_empty() else relay.set_target_path(address.path)
		check_eq([error, relay.listen(0, LOOPBACK)], [OK, OK], "the relay")
		var ann := ChatClient.new()
		var bob := ChatClient.new()
		# A lambda that had a client in it would keep the client.
		var ann_heard := []
		var bob_heard := []
		ann.heard.connect(func(line: String) -> void: ann_heard.append(line))
		bob.heard.connect(func(line: String) -> void: bob_heard.append(line))
		ann.join(address, "Ann")
		await until(func() -> bool: return ann_heard.has("* Ann has come"), text + ": Ann")
		bob.join(Address.parse("127.0.0.1:%d" % relay.get_local_port()), "Bob")
		await until(func() -> bool: return ann_heard.has("* Bob has come"), text + ": Bob")
		bob.say("hello")
		await until(func() -> bool: return ann_heard.has("Bob: hello") and bob_heard.has("Bob: hello"), text + ": a line")
		relay.abort_all()
		await until(func() -> bool: return ann_heard.has("* Bob has left"), text + ": the line is cut")
		check_eq(room.names(), ["Ann"], text + ": who is left")
		var ends := []
		ann.ended.connect(func(why: String) -> void: ends.append(why))
		room.close()
		await until(func() -> bool: return ends == ["End of file"], text + ": the end: %s" % [ends])


func test_an_inspection_tells_everything() -> void:
	var end := endpoint("tcp")
	var inspection := Inspection.new()
	var told := []
	var moved := []
	inspection.happened.connect(func(_seconds: float, what: String) -> void: told.append(what))
	inspection.moved.connect(func(bytes: PackedByteArray, total: int, is_received: bool) -> void: moved.append([bytes, total, is_received]))
	inspection.open(Address.parse("127.0.0.1:%d" % end.port))
	var served := accept(end)
	await until(func() -> bool: return told.has("connected"), "the connect")
	inspection.send([1, 2])
	var all := PackedByteArray(range(256))
	served.put_data(all)
	await until(func() -> bool: return moved.size() == 2, "bytes both ways")
	check_eq(moved, [[PackedByteArray([1, 2]), 0, false], [all, 0, true]], "the bytes")
	served.abort()
	await until(func() -> bool: return told.any(func(what: String) -> bool: return what.contains("reset")), "the reset: %s" % [told])
	end.server.stop()
	inspection.open(Address.parse("localhost:%d" % end.port))
	await until(func() -> bool: return told.any(func(what: String) -> bool: return what.contains("refused")), "the refusal: %s" % [told])
	check_eq(inspection.attempts().size(), 2, "both addresses were tried")
	inspection.close()


func test_bytes_are_shown_in_hex_and_as_text() -> void:
	check_eq(Hex.dump("a line\n".to_ascii_buffer(), 16), "000010  %-47s  a line.\n" % "61 20 6c 69 6e 65 0a", "a short one")
	check_eq(Hex.dump(PackedByteArray(range(17))).count("\n"), 2, "lines")
	check_eq(Hex.dump([]), "", "nothing")


func test_addresses_are_told_apart() -> void:
	var table := {"localhost:80": ["localhost", 80, ""], "[::1]:5": ["::1", 5, ""], " 10.0.0.1:0 ": ["10.0.0.1", 0, ""],
			"/tmp/x": ["", 0, "/tmp/x"], "user://a.sock": ["", 0, "user://a.sock"], "host": null, ":80": null, "a:70000": null, "a:b": null}
	for text: String in table:
		var address := Address.parse(text)
		check_eq([address.host, address.port, address.path] if address != null else null, table[text], text)
