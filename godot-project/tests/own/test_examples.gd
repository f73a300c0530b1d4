extends "res://tests/support/test_case.gd"
## Compiles and runs every example in the class documentation, the READMEs and the pages in `docs`.
## An example that connects has to cope with servers that answer byte by byte, close without an
## answer, never answer, do not exist or cannot be reached. One that listens has to cope with
## clients that write byte by byte, leave and abort. Any other example has to print what its
## comments promise.
##
## A script that uses the engine's classes shows code before a migration. It is run twice:
## unchanged, against the well-behaved server only, and once more with `Rs` appended to its class
## names.

## One line of JSON, which is also an answer for examples that read text.
const ANSWER := "{\"id\": 1, \"result\": \"the answer\"}"
const SERVERS := ["byte by byte", "closing", "silent", "absent", "unreachable"]
## A multicast address, to which no stream can connect. `connect_to_host` itself fails.
const UNREACHABLE := "224.0.0.1"
const PATH := "/tmp/example.sock"
## RegEx is not used as a type anywhere: an engine that was built without it could not parse this
## file.
const NO_REGEX := "this engine has no RegEx"

# The ends of connections that reserve the ports of `_unused`.
var _reserving: Array[StreamPeer] = []


## A script among the examples.
class Example:
	var from: String
	var source: String
	## Whether the text is a part of a script only.
	var is_part: bool
	## Whether it uses the engine's classes, or was made from such a script.
	var is_before_migration: bool

	func uses(text: String) -> bool:
		return source.contains(text)

	func is_client() -> bool:
		return (not is_part and (uses("connect_to_host(") or reconnects()) and not listens()
				and not is_tls_client())

	## Such a client is tested in `test_example_tls_client.gd`.
	func is_tls_client() -> bool:
		return uses("StreamPeerTLS") and not listens()

	func reconnects() -> bool:
		return uses("SocketReconnect")

	func is_server() -> bool:
		return (not is_part and listens() and not uses("connect_to_host(")
				and not uses("connect_to_url(") and not is_web())

	## Whether it serves pages. A comment says at which address.
	func is_web() -> bool:
		return not is_part and uses("HTTPServerRs.new()")

	## Whether it has a server of its own. A relay does not count.
	func listens() -> bool:
		return source.replace("relay.listen(", "").contains(".listen(")

	func is_self_contained() -> bool:
		return (not is_part and not is_client() and not is_server() and not is_tls_client()
				and not is_web())

	func kind() -> String:
		return "uds" if uses("UDS") else "tcp"

	func uses_engine_classes() -> bool:
		return moved().source != source

	## The same with `Rs` appended to the names of the engine's classes.
	func moved() -> Example:
		var example := Example.new()
		example.from = from + ", migrated"
		var names: RefCounted = ClassDB.instantiate(&"RegEx")
		names.call(&"compile", "\\b(StreamPeerTCP|StreamPeerUDS|TCPServer|UDSServer)\\b")
		example.source = names.call(&"sub", source, "$1Rs", true)
		example.is_before_migration = true
		return example

	## The bytes that a server has to send so that the example prints "the answer".
	func wanted_answer() -> PackedByteArray:
		if uses("bytes_to_var") or uses("get_var"):
			return _with_length(var_to_bytes("the answer"))
		if uses("read_exact") or uses("PacketPeer") and not uses("FRAMING_DELIMITER"):
			return _with_length(ANSWER.to_ascii_buffer())
		return (ANSWER + "\n").to_ascii_buffer()

	func _with_length(bytes: PackedByteArray) -> PackedByteArray:
		return PackedByteArray([bytes.size(), 0, 0, 0]) + bytes


## The server for examples that connect. It sends one byte per frame, closes at once, or sends
## nothing. It ends a stream that the other side has ended.
class Answerer:
	var server: RefCounted
	var answer: PackedByteArray
	## Whether it answers only clients that have sent something.
	var is_asked := false
	var closes := false
	var _sent := {}

	func _init(listening: RefCounted) -> void:
		server = listening

	func step() -> void:
		while server.is_connection_available():
			var peer: StreamPeerSocketRs = server.take_connection()
			peer.allow_half_open = true
			_sent[peer] = 0
		for peer: StreamPeerSocketRs in _sent:
			if closes:
				peer.disconnect_from_host()
			if peer.get_status() != STATUS_CONNECTED:
				continue
			var has_asked: bool = not peer.receive().is_empty() or _sent[peer] > 0 or not is_asked
			if has_asked and _sent[peer] < answer.size():
				peer.put_u8(answer[_sent[peer]])
				_sent[peer] += 1
			elif peer.is_read_closed():
				peer.disconnect_from_host()

	## Resets all current connections.
	func abort() -> void:
		for peer: StreamPeerSocketRs in _sent:
			peer.abort()
		_sent.clear()


func test_each_example_compiles() -> void:
	var all := _examples(func(_example: Example) -> bool: return true)
	if all.is_empty():
		return
	check(all.size() >= 35, "%d examples were found" % all.size())
	for folder: String in ["README.md", "docs/", "addons/", "StreamPeer"]:
		check(all.any(func(example: Example) -> bool: return example.from.begins_with(folder)),
				"some are from " + folder)
	for example in all:
		var script := GDScript.new()
		script.source_code = example.source
		check_eq(script.reload(), OK, "%s:\n%s" % [example.from, example.source])


func test_examples_that_connect_cope_with_every_server() -> void:
	for example in _examples(func(example: Example) -> bool: return example.is_client()):
		for what: String in SERVERS.slice(0, 1 if example.is_before_migration else SERVERS.size()):
			var end := endpoint(example.kind(), "*")
			var answerer := Answerer.new(end.server)
			answerer.closes = what == "closing"
			answerer.is_asked = example.uses(".put_")
			if what == "byte by byte":
				answerer.answer = example.wanted_answer()
			if what in ["absent", "unreachable"]:
				end.server.stop()
				# A connect that fails in the call prints an error.
				mute(what == "unreachable" or example.kind() == "uds")
			# An answer that arrives byte by byte takes a frame for each, however long that is.
			var limit := 60.0 if what == "byte by byte" else 0.5
			var node := _run(example, end, UNREACHABLE if what == "unreachable" else "", limit)
			var met := "%s, %s server" % [example.from, what]
			if what == "silent" and not example.uses("5.0)"):
				# The example has no time limit, so it keeps waiting.
				await _frames(20, answerer.step)
			else:
				await until(func() -> bool:
					answerer.step()
					return _has_printed(node, "the answer" if what == "byte by byte" else ""),
					met + ": it prints the outcome")
			mute(false)
			check_eq(_has_printed(node, "the answer"), what == "byte by byte",
					"%s: %s" % [met, node.printed])
			check(not _has_printed(node, "<null>"), "%s: %s" % [met, node.printed])
			_end(node)


func test_examples_that_reconnect_find_a_restarted_server() -> void:
	for example in _examples(
			func(example: Example) -> bool: return example.is_client() and example.reconnects()):
		var end := endpoint(example.kind(), "*")
		end.stop()
		var node := _run(example, end)
		await until(func() -> bool: return _has_printed(node, ""), example.from + ": the missing server")
		var answerer := Answerer.new(end.server)
		answerer.answer = example.wanted_answer()
		for i in 2:
			node.printed.clear()
			check_eq(end.reopen(), OK, "listen again")
			await until(func() -> bool:
				answerer.step()
				return _has_printed(node, "the answer"),
						"%s: the server is there: %s" % [example.from, node.printed])
			answerer.abort()
			end.stop()
		_end(node)


func test_servers_cope_with_every_client() -> void:
	for example in _examples(func(example: Example) -> bool: return example.is_server()):
		var end := _unused(example.kind())
		var node := _run(example, end)
		var clients: Array[StreamPeer] = []
		for i in 3:
			clients.append(dial(end, Family.ours()))
			settle(clients[i])
		for client: StreamPeer in [clients[1], clients[0]]:
			for byte in "a name\nhello\n".to_ascii_buffer():
				client.put_u8(byte)
				await _frames(1)
		# The example echoes, forwards or prints the line.
		var received := [""]
		await until(func() -> bool:
			received[0] += clients[1].receive().get_string_from_utf8()
			return received[0].contains("hello") or _has_printed(node, "hello"),
					example.from + ": an effect of the line")
		clients[0].disconnect_from_host()
		clients[1].abort()
		await _frames(5)
		check(not _has_printed(node, "cannot"), "%s: %s" % [example.from, node.printed])
		# This also ends a thread that runs one of its methods.
		_end(node)


func test_web_servers_answer_every_client() -> void:
	for example in _examples(func(example: Example) -> bool: return example.is_web()):
		if example.uses("tls_options"):
			await _check_https(example)
			continue
		var end := _unused("tcp")
		var node := _run(example, end)
		var clients: Array[StreamPeer] = []
		for i in 3:
			clients.append(dial(end, Family.ours()))
			settle(clients[i])
		var path := example.source.get_slice("http://127.0.0.1:4000", 1).get_slice(" ", 0)
		check(path.begins_with("/"), example.from + ": no comment says what to open")
		var text := "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path
		clients[0].put_data(text.left(30).to_ascii_buffer())
		for byte in text.to_ascii_buffer():
			clients[1].put_u8(byte)
			if byte % 8 == 0:
				await _frames(1)
		var answer := [""]
		await until(func() -> bool:
			clients[1].poll()
			answer[0] += clients[1].receive().get_string_from_utf8()
			return clients[1].get_status() != STATUS_CONNECTED, example.from + ": an answer")
		check(answer[0].begins_with("HTTP/1.1 200 OK\r\n"), "%s: %s" % [example.from, answer[0]])
		clients[0].abort()
		clients[2].abort()
		await _frames(3)
		if example.uses("route_upload"):
			await _check_upload(example, end)
		check(not _has_printed(node, "cannot"), "%s: %s" % [example.from, node.printed])
		_end(node)


## Sends a body to the address that the example's comment has for curl.
func _check_upload(example: Example, end: Endpoint) -> void:
	var path := example.source.get_slice("curl -T FILE http://127.0.0.1:4000", 1)
	path = path.get_slice("\n", 0)
	check(path.begins_with("/"), example.from + ": no comment says where to send a file")
	var head := "PUT %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" % path
	for answered: bool in [false, true]:
		var client := dial(end, Family.ours())
		settle(client)
		client.put_data((head + "Content-Length: 12\r\n\r\n").to_ascii_buffer())
		for byte in ("12 bytes\n" + "abc" if answered else "some").to_ascii_buffer():
			client.put_u8(byte)
			await _frames(1)
		if not answered:
			client.abort()
			await _frames(3)
			continue
		var answer := [""]
		await until(func() -> bool:
			client.poll()
			answer[0] += client.receive().get_string_from_utf8()
			return client.get_status() != STATUS_CONNECTED, example.from + ": an answer")
		check(answer[0].begins_with("HTTP/1.1 20"), "%s: %s" % [example.from, answer[0]])
		check(answer[0].contains("12 bytes\n") or answer[0].contains("1 lines\n"),
				"%s: %s" % [example.from, answer[0]])


func _check_https(example: Example) -> void:
	if quietly(func() -> Object: return ClassDB.instantiate("Crypto")) == null:
		leave_out("this engine has no TLS")
		return
	check(example.uses("https://127.0.0.1:4000/ "), example.from + ": no comment says what to open")
	var end := _unused("tcp")
	var node := _run(example, end)
	var peer := dial(end, Family.ours())
	settle(peer)
	var tls := StreamPeerTLS.new()
	check_eq(tls.connect_to_stream(peer, "localhost", TLSOptions.client_unsafe()), OK, "connect")
	await until(func() -> bool:
		tls.poll()
		return tls.get_status() != StreamPeerTLS.STATUS_HANDSHAKING, example.from + ": the handshake")
	tls.put_data("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_ascii_buffer())
	var answer := [""]
	await until(func() -> bool:
		tls.poll()
		answer[0] += tls.get_partial_data(1000)[1].get_string_from_utf8()
		return answer[0].ends_with("\r\n\r\nsecret"), example.from + ": an answer")
	check(not _has_printed(node, "cannot"), "%s: %s" % [example.from, node.printed])
	_end(node)


func test_other_examples_print_what_they_promise() -> void:
	if not ClassDB.class_exists(&"RegEx"):
		return skip(NO_REGEX)
	var prints := _regex("[Pp]rints \"([^\"]+)\"")
	for example in _examples(func(example: Example) -> bool: return example.is_self_contained()):
		if (example.uses("TLS")
				and quietly(func() -> Object: return ClassDB.instantiate("Crypto")) == null):
			leave_out("this engine has no TLS")
			continue
		var promised: Array = prints.call(&"search_all", example.source)
		check(not promised.is_empty(), example.from + ": no comment says what it prints")
		var node := _run(example, null)
		for promise: RefCounted in promised:
			var text: String = promise.call(&"get_string", 1)
			await until(func() -> bool: return _has_printed(node, text),
					"%s: '%s': %s" % [example.from, text, node.printed])
		_end(node)


func test_partial_examples_run() -> void:
	for example in _examples(func(example: Example) -> bool: return example.is_part):
		var end := endpoint("tcp")
		var answerer := Answerer.new(end.server)
		answerer.answer = example.wanted_answer()
		var peer := dial(end)
		settle(peer)
		var group := StreamPeerSocketGroupRs.new()
		group.add(peer)
		var values := {"peer": peer, "server": end.server, "group": group, "data": PackedByteArray([1]),
				"host": LOOPBACK, "port": end.port, "room": [peer], "message": {"type": "hello"}}
		var node := _node(example, end)
		node.peer = peer
		_add(node)
		var state := {"under_way": 0, "is_over": false}
		for method: Dictionary in node.get_script().get_script_method_list():
			if method.name != "say" and not method.name.begins_with("_"):
				var names: Array = method.args.map(func(argument: Dictionary) -> String: return argument.name)
				check(values.has_all(names), "%s: its arguments: %s" % [example.from, names])
				_call(node, method.name, names.map(func(name: String) -> Variant: return values[name]), state)
		await until(func() -> bool:
			answerer.step()
			return state.is_over or _has_printed(node, ""),
					example.from + ": it prints something, or has ended")
		check(not _has_printed(node, "<null>"), "%s: %s" % [example.from, node.printed])
		answerer.abort()
		await until(func() -> bool: return state.under_way == 0,
				example.from + ": it ends with the connection")
		_end(node)


func _call(node: Node, method: String, arguments: Array, state: Dictionary) -> void:
	state.under_way += 1
	await node.callv(method, arguments)
	state.under_way -= 1
	state.is_over = true


# The examples for which `wanted` returns true. Skips the test if the documentation is missing, and
# leaves out examples that the system does not support.
func _examples(wanted: Callable) -> Array[Example]:
	if not ClassDB.class_exists(&"RegEx"):
		skip(NO_REGEX)
		return []
	var all := _all()
	if all.is_empty():
		skip("the documentation is not beside the project")
	return all.filter(func(example: Example) -> bool:
		if not wanted.call(example):
			return false
		var lack := ""
		if example.kind() == "uds":
			lack = (Family.engine() if example.uses_engine_classes() else family).lacks_uds()
		if not lack.is_empty():
			leave_out(lack)
		return lack.is_empty())


func _all() -> Array[Example]:
	var root := ProjectSettings.globalize_path("res://").path_join("..")
	var addon := root.path_join("addons/stream_peer_socket_rs")
	var examples: Array[Example] = []
	for file in DirAccess.get_files_at(addon.path_join("doc_classes")):
		var text := FileAccess.get_file_as_string(addon.path_join("doc_classes").path_join(file))
		_collect(file, text.xml_unescape(), "\\[codeblock\\]\\n([\\s\\S]*?)\\[/codeblock\\]", examples)
	for file: String in ["socket_await.gd", "socket_reconnect.gd"]:
		var script := FileAccess.get_file_as_string(addon.path_join(file))
		script = script.replace("\n## ", "\n").replace("\n##\n", "\n\n")
		_collect(file, script, "\\[codeblock\\]\\n([\\s\\S]*?)\\[/codeblock\\]", examples)
	var pages := [root.path_join("README.md"), addon.path_join("README.md")]
	for file in DirAccess.get_files_at(root.path_join("docs")):
		if file.ends_with(".md"):
			pages.append(root.path_join("docs").path_join(file))
	for page: String in pages:
		_collect(page.trim_prefix(root + "/"), FileAccess.get_file_as_string(page),
				"```gdscript\\n([\\s\\S]*?)```", examples)
	return examples


func _regex(pattern: String) -> RefCounted:
	var regex: RefCounted = ClassDB.instantiate(&"RegEx")
	regex.call(&"compile", pattern)
	return regex


func _collect(from: String, text: String, pattern: String, examples: Array[Example]) -> void:
	for found: RefCounted in _regex(pattern).call(&"search_all", text):
		var block: String = found.call(&"get_string", 1)
		var start: int = found.call(&"get_start", 1)
		var example := Example.new()
		example.from = "%s:%d" % [from, text.count("\n", 0, start) + 1]
		example.is_part = not block.contains("extends ")
		example.source = _complete(block)
		example.is_before_migration = example.uses_engine_classes()
		examples.append(example)
		if example.is_before_migration:
			examples.append(example.moved())


# Completes an example to a script: adds what its text presupposes, and records what it prints.
func _complete(text: String) -> String:
	var source := text.dedent().replace("print(", "say(")
	var indent := "\t" if source.contains("\n\t") else "    "
	if not source.contains("func "):
		source = ("func body(group: StreamPeerSocketGroupRs, data: PackedByteArray) -> void:\n"
				+ source.indent(indent))
	if not source.contains("extends "):
		source = "extends Node\nvar peer: StreamPeerTCPRs\n" + source
	# A thread of the example may print as well.
	source += "\nvar printed := []\n\n"
	source += "func say(a: Variant, b: Variant = \"\", c: Variant = \"\") -> void:\n"
	source += indent + "_keep.call_deferred(str(a, b, c))\n\n"
	source += "func _keep(line: String) -> void:\n" + indent + "printed.append(line)\n"
	return source


# An address at which the example can listen. Its port is free at all addresses of the machine: a
# port that is free at one may be in use at another, by a test in another process.
func _unused(kind: String) -> Endpoint:
	var end := endpoint(kind, "*")
	end.host = LOOPBACK
	if kind == "tcp":
		# An accepted connection reserves the port; the example can listen at it nevertheless.
		_reserving.append_array([dial(end), accept(end)])
	end.server.stop()
	return end


# Adds `example` as a node to the tree. It connects to `end`, or to `host`. A time limit of 5
# seconds in its text becomes `limit`.
func _run(example: Example, end: Endpoint, host := "", limit := 0.5) -> Node:
	var node := _node(example, end, host, limit)
	_add(node)
	return node


func _node(example: Example, end: Endpoint, host := "", limit := 0.5) -> Node:
	var script := GDScript.new()
	script.source_code = example.source.replace("5.0)", "%s)" % limit)
	if not host.is_empty():
		script.source_code = script.source_code.replace("\"localhost\"",
				"\"%s\"" % host).replace("\"127.0.0.1\"", "\"%s\"" % host)
	if end != null:
		script.source_code = script.source_code.replace("4000", str(end.port)).replace(PATH, end.path)
	script.source_code = script.source_code.replace("user://example.sock", fresh_path())
	var folder := fresh_path()
	DirAccess.make_dir_absolute(folder)
	script.source_code = script.source_code.replace("user://", folder + "/")
	check_eq(script.reload(), OK, example.from)
	return script.new()


func _add(node: Node) -> void:
	(Engine.get_main_loop() as SceneTree).root.add_child(node)


# Removes `node` from the tree, which also ends its thread, and frees it.
func _end(node: Node) -> void:
	node.get_parent().remove_child(node)
	node.free()


# Whether `node` has printed `text`, in one line or in pieces. If `text` is empty: whether it has
# printed anything.
func _has_printed(node: Node, text: String) -> bool:
	var printed: String = "".join(PackedStringArray(node.printed))
	return printed.contains(text) if not text.is_empty() else not printed.is_empty()


func _frames(count: int, each := Callable()) -> void:
	for i in count:
		await (Engine.get_main_loop() as SceneTree).process_frame
		if each.is_valid():
			each.call()
