extends "res://tests/support/test_case.gd"
## The framings of PacketPeerSocketRs against other implementations: Python's struct, jq, and a
## language server.

const LanguageClient := preload("res://examples/language_client.gd")
const Tool := preload("res://tests/interop/tool.gd")

const SIZES := [0, 1, 2, 126, 127, 128, 250, 254, 255, 256, 300, 16_382, 16_383, 16_384, 65_533,
		65_535, 65_536, 1 << 20, 8 << 20]


func test_lengths_match_those_of_struct() -> void:
	var python := Tool.start("python3", [Tool.script("framing_peer.py")])
	var port: int = python.line().to_int()
	for width: int in [1, 2, 4, 8, 0]:
		for order: String in ["<", ">"] if width > 1 else ["<"]:
			for includes: bool in [false, true]:
				python.put_line("length %d %s %d" % [width, order, int(includes)])
				var packets := PacketPeerSocketRs.new()
				packets.length_bytes = width
				packets.big_endian = order == ">"
				packets.length_includes_itself = includes
				packets.stream = StreamPeerTCPRs.new()
				packets.stream.write_buffer_limit = 64 << 20
				packets.stream.connect_to_host(LOOPBACK, port)
				var most: int = (1 << (8 * width)) - 1 if width in [1, 2] else 16 << 20
				if includes:
					most -= width
				_exchange(packets, SIZES.filter(func(size: int) -> bool: return size <= most),
						"%d bytes, %s, %s" % [width, order, "all" if includes else "the rest"])
	python.stop()


func test_json_lines_match_those_of_jq() -> void:
	var tools := OS.get_environment("INTEROP_TOOLS")
	var bridge := Tool.start("python3",
			[Tool.script("on_a_socket.py"), tools.path_join("jq"), "-c", "--unbuffered", "{value: .}"])
	var packets := PacketPeerSocketRs.new()
	packets.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	packets.stream = StreamPeerTCPRs.new()
	packets.stream.write_buffer_limit = 1 << 20
	packets.stream.connect_to_host(LOOPBACK, bridge.line().to_int())
	var values := [1, "text with \n and \u00e4", [1, 2, {"a": null}], {"b": true, "c": 1.5},
			"x".repeat(100_000)]
	for i in 1000:
		values.append({"number": i})
	for value: Variant in values:
		packets.put_json(value)
	for value: Variant in values:
		var got := [null]
		if not spin_until(func() -> bool:
				packets.stream.poll()
				got[0] = packets.get_json()
				return got[0] != null, "an answer"):
			break
		check_eq(got[0], {"value": value}, "the answer of jq")
	packets.stream.disconnect_from_host()
	spin_until(func() -> bool: return not bridge.is_running(), "jq to end")


func test_language_client_works_with_a_language_server() -> void:
	var tools := OS.get_environment("INTEROP_TOOLS")
	var bridge := Tool.start("python3",
			[Tool.script("on_a_socket.py"), tools.path_join("python3"), "-m", "pylsp"])
	var client := LanguageClient.new()
	client.time_limit = 60.0
	check_eq(await client.connect_to_server(LOOPBACK, bridge.line().to_int()), OK, "connect")
	var about: Variant = await client.request("initialize",
			{"processId": null, "rootUri": null, "capabilities": {}})
	if not check(about is Dictionary and about.has("capabilities"),
			"initialize: %s %s" % [about, client.error_message]):
		return bridge.stop()
	client.notify("initialized", {})
	# Headers count bytes, not characters.
	var text := ("class Alpha:\n    def beta(self): pass\n# \u00e4\u00f6\u00fc \u4e2d\nAlpha().be\n"
			+ "# filler\n".repeat(20_000))
	client.notify("textDocument/didOpen",
			{"textDocument": {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": text}})
	var found: Variant = await client.request("textDocument/completion",
			{"textDocument": {"uri": "file:///a.py"}, "position": {"line": 3, "character": 10}})
	check(str(found).contains("beta"),
			"completion: %s %s" % [str(found).left(200), client.error_message])
	check_null(await client.request("nonsense", {}), "an unknown method")
	check(not client.error_message.is_empty(), "its error: " + client.error_message)
	await client.request("shutdown", null)
	check_eq(client.error_message, "", "shutdown")
	client.notify("exit", null)
	await until(func() -> bool: return not bridge.is_running(), "the server to end", 30.0)
	client.close()


func _exchange(packets: PacketPeerSocketRs, sizes: Array, what: String) -> void:
	for size: int in sizes:
		var packet := PackedByteArray()
		packet.resize(size)
		for i in range(0, size, 97):
			packet[i] = i % 251
		# The engine drops a put_packet of an empty array.
		check_eq(packets.put_packet(packet) if size > 0 else packets.put_text(""), OK,
				"%s: put %d" % [what, size])
		packet.reverse()
		var got := [PackedByteArray(), ERR_UNAVAILABLE]
		spin_until(func() -> bool:
			packets.stream.poll()
			got[0] = packets.get_packet()
			got[1] = packets.get_packet_error()
			return got[1] != ERR_UNAVAILABLE, "%s: %d bytes" % [what, size])
		check(got[1] == OK and got[0] == packet, "%s: %d bytes come back, reversed" % [what, size])
	packets.stream.disconnect_from_host()
