extends "res://tests/support/test_case.gd"
## The examples in the class documentation, the READMEs and the pages: each compiles, and each is
## run. One that connects gets over servers that answer byte by byte, that close without an answer,
## that never give one, that are not there, and that no way leads to; one that listens gets over
## clients that write byte by byte, leave and abort; any other prints what it says that it prints.
##
## A script with the engine's classes is one to move away from: it is run as it is, over the best of
## these servers only, and once more with `Rs` behind its names.

## One line of JSON, so it is an answer to those who read text too.
const ANSWER := "{\"id\": 1, \"result\": \"the answer\"}"
const SERVERS := ["byte by byte", "closing", "silent", "absent", "unreachable"]
## An address of many, to which no stream can connect: `connect_to_host` itself says so.
const UNREACHABLE := "224.0.0.1"
const PATH := "/tmp/example.sock"
## The class is not named anywhere as a type: an engine that was built without it could not read
## this file.
const NO_REGEX := "this engine has no RegEx"


## A script among the examples.
class Example:
	var from: String
	var source: String
	## Whether its text is a part of a script, and not a whole one.
	var is_part: bool
	## Whether it is, or was, one with the engine's classes.
	var is_before: bool

	func uses(text: String) -> bool:
		return source.contains(text)

	func asks() -> bool:
		return not is_part and uses("connect_to_host(") and not listens()

	func serves() -> bool:
		return not is_part and listens() and not uses("connect_to_host(")

	## Whether it has a server. A relay stands before one.
	func listens() -> bool:
		return source.replace("relay.listen(", "").contains(".listen(")

	func is_by_itself() -> bool:
		return not is_part and not asks() and not serves()

	func kind() -> String:
		return "uds" if uses("UDS") else "tcp"

	func is_the_engines() -> bool:
		return moved().source != source

	## With `Rs` behind the names of the engine's classes.
	func moved() -> Example:
		var example := Example.new()
		example.from = from + ", moved over"
		var names: RefCounted = ClassDB.instantiate(&"RegEx")
		names.call(&"compile", "\\b(StreamPeerTCP|StreamPeerUDS|TCPServer|UDSServer)\\b")
		example.source = names.call(&"sub", source, "$1Rs", true)
		example.is_before = true
		return example

	## What a server has to send for it to print "the answer".
	func wanted_answer() -> PackedByteArray:
		if uses("bytes_to_var") or uses("get_var"):
			return _with_length(var_to_bytes("the answer"))
		if uses("read_exact") or uses("PacketPeer") and not uses("FRAMING_DELIMITER"):
			return _with_length(ANSWER.to_ascii_buffer())
		return (ANSWER + "\n").to_ascii_buffer()

	func _with_length(bytes: PackedByteArray) -> PackedByteArray:
		return PackedByteArray([bytes.size(), 0, 0, 0]) + bytes


## What answers the examples that ask. It sends byte by byte, one in each frame, closes at once, or
## says nothing. It ends a stream that the other side has ended.
class Answerer:
	var server: RefCounted
	var answer: PackedByteArray
	## Whether it answers those only who have said something.
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

	## Resets the connections there are.
	func abort() -> void:
		for peer: StreamPeerSocketRs in _sent:
			peer.abort()
		_sent.clear()


func test_each_compiles() -> void:
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


func test_those_that_ask_get_over_every_server() -> void:
	for example in _examples(func(example: Example) -> bool: return example.asks()):
		for what: String in SERVERS.slice(0, 1 if example.is_before else SERVERS.size()):
			var end := endpoint(example.kind(), "*")
			var answerer := Answerer.new(end.server)
			answerer.closes = what == "closing"
			answerer.is_asked = example.uses(".put_")
			if what == "byte by byte":
				answerer.answer = example.wanted_answer()
			if what in ["absent", "unreachable"]:
				end.server.stop()
				# A connect that fails in the call is an error that is printed.
				mute(what == "unreachable" or example.kind() == "uds")
			var node := _run(example, end, UNREACHABLE if what == "unreachable" else "")
			var met := "%s, %s server" % [example.from, what]
			if what == "silent" and not example.uses("5.0)"):
				# It has no time limit, so it waits.
				await _frames(20, answerer.step)
			else:
				await until(func() -> bool:
					answerer.step()
					return _has_said(node, "the answer" if what == "byte by byte" else ""),
					met + ": it says how it went")
			mute(false)
			check_eq(_has_said(node, "the answer"), what == "byte by byte", "%s: %s" % [met, node.said])
			check(not _has_said(node, "<null>"), "%s: %s" % [met, node.said])
			_end(node)


func test_those_that_come_back_find_a_server_that_does() -> void:
	for example in _examples(
			func(example: Example) -> bool: return example.asks() and example.uses("var delay")):
		var end := endpoint(example.kind(), "*")
		end.server.stop()
		var node := _run(example, end)
		await until(func() -> bool: return _has_said(node, ""), example.from + ": nobody is there")
		var answerer := Answerer.new(end.server)
		answerer.answer = example.wanted_answer()
		for i in 2:
			node.said.clear()
			check_eq(end.reopen(), OK, "listen again")
			await until(func() -> bool:
				answerer.step()
				return _has_said(node, "the answer"), "%s: the server is there: %s" % [example.from, node.said])
			answerer.abort()
			end.server.stop()
		_end(node)


func test_servers_get_over_every_client() -> void:
	for example in _examples(func(example: Example) -> bool: return example.serves()):
		# An address that is free.
		var end := endpoint(example.kind())
		end.server.stop()
		var node := _run(example, end)
		var clients: Array[StreamPeer] = []
		for i in 3:
			clients.append(dial(end, Family.ours()))
			settle(clients[i])
		for client: StreamPeer in [clients[1], clients[0]]:
			for byte in "a name\nhello\n".to_ascii_buffer():
				client.put_u8(byte)
				await _frames(1)
		# One that sends back, or passes on, or prints.
		var heard := [""]
		await until(func() -> bool:
			heard[0] += clients[1].receive().get_string_from_utf8()
			return heard[0].contains("hello") or _has_said(node, "hello"),
					example.from + ": what comes of it")
		clients[0].disconnect_from_host()
		clients[1].abort()
		await _frames(5)
		check(not _has_said(node, "cannot"), "%s: %s" % [example.from, node.said])
		# A thread that is in one of its methods ends with this.
		_end(node)


func test_those_by_themselves_print_what_they_say() -> void:
	if not ClassDB.class_exists(&"RegEx"):
		return skip(NO_REGEX)
	var prints := _regex("[Pp]rints \"([^\"]+)\"")
	for example in _examples(func(example: Example) -> bool: return example.is_by_itself()):
		if (example.uses("TLS")
				and quietly(func() -> Object: return ClassDB.instantiate("Crypto")) == null):
			leave_out("this engine has no TLS")
			continue
		var promised: Array = prints.call(&"search_all", example.source)
		check(not promised.is_empty(), example.from + ": it says nowhere what it prints")
		var node := _run(example, null)
		for promise: RefCounted in promised:
			var text: String = promise.call(&"get_string", 1)
			await until(func() -> bool: return _has_said(node, text),
					"%s: '%s': %s" % [example.from, text, node.said])
		_end(node)


func test_parts_run() -> void:
	for example in _examples(func(example: Example) -> bool: return example.is_part):
		var end := endpoint("tcp")
		var answerer := Answerer.new(end.server)
		answerer.answer = example.wanted_answer()
		var peer := dial(end)
		settle(peer)
		var group := StreamPeerSocketGroupRs.new()
		group.add(peer)
		var values := {"peer": peer, "server": end.server, "group": group, "data": PackedByteArray([1]),
				"host": LOOPBACK,
				"port": end.port}
		var node := _node(example, end)
		node.peer = peer
		_add(node)
		var state := {"under_way": 0, "is_over": false}
		for method: Dictionary in node.get_script().get_script_method_list():
			if method.name != "say" and not method.name.begins_with("_"):
				var names: Array = method.args.map(func(argument: Dictionary) -> String: return argument.name)
				check(values.has_all(names), "%s: what it takes: %s" % [example.from, names])
				_call(node, method.name, names.map(func(name: String) -> Variant: return values[name]), state)
		await until(func() -> bool:
			answerer.step()
			return state.is_over or _has_said(node, ""), example.from + ": it says something, or is over")
		check(not _has_said(node, "<null>"), "%s: %s" % [example.from, node.said])
		answerer.abort()
		await until(func() -> bool: return state.under_way == 0,
				example.from + ": it ends with the connection")
		_end(node)


func _call(node: Node, method: String, arguments: Array, state: Dictionary) -> void:
	state.under_way += 1
	await node.callv(method, arguments)
	state.under_way -= 1
	state.is_over = true


# The examples that `wanted` is true of. Skips the test where there are no texts, and leaves out
# what the system lacks.
func _examples(wanted: Callable) -> Array[Example]:
	if not ClassDB.class_exists(&"RegEx"):
		skip(NO_REGEX)
		return []
	var all := _all()
	if all.is_empty():
		skip("the texts are not beside the project")
	return all.filter(func(example: Example) -> bool:
		if not wanted.call(example):
			return false
		var lack := ""
		if example.kind() == "uds":
			lack = (Family.engine() if example.is_the_engines() else family).lacks_uds()
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
	var script := FileAccess.get_file_as_string(addon.path_join("socket_await.gd")).replace("\n## ",
			"\n")
	_collect("socket_await.gd", script, "\\[codeblock\\]\\n([\\s\\S]*?)\\[/codeblock\\]", examples)
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
		example.is_before = example.is_the_engines()
		examples.append(example)
		if example.is_before:
			examples.append(example.moved())


# An example as a script: what its text takes for granted is added, and what it prints is kept.
func _complete(text: String) -> String:
	var source := text.dedent().replace("print(", "say(")
	var indent := "\t" if source.contains("\n\t") else "    "
	if not source.contains("func "):
		source = "func body(group: StreamPeerSocketGroupRs, data: PackedByteArray) -> void:\n" + source.indent(indent)
	if not source.contains("extends "):
		source = "extends Node\nvar peer: StreamPeerTCPRs\n" + source
	# A thread of it may print, too.
	source += "\nvar said := []\n\nfunc say(a: Variant, b: Variant = \"\", c: Variant = \"\") -> void:\n"
	source += indent + "_keep.call_deferred(str(a, b, c))\n\nfunc _keep(line: String) -> void:\n" + indent + "said.append(line)\n"
	return source


# `example` as a node in the tree, with short patience, whose other side is at `end`, or at `host`.
func _run(example: Example, end: Endpoint, host := "") -> Node:
	var node := _node(example, end, host)
	_add(node)
	return node


func _node(example: Example, end: Endpoint, host := "") -> Node:
	var script := GDScript.new()
	script.source_code = example.source.replace("5.0)", "0.5)")
	if not host.is_empty():
		script.source_code = script.source_code.replace("\"localhost\"",
				"\"%s\"" % host).replace("\"127.0.0.1\"", "\"%s\"" % host)
	if end != null:
		script.source_code = script.source_code.replace("4000", str(end.port)).replace(PATH, end.path)
	script.source_code = script.source_code.replace("user://example.sock", fresh_path())
	check_eq(script.reload(), OK, example.from)
	return script.new()


func _add(node: Node) -> void:
	(Engine.get_main_loop() as SceneTree).root.add_child(node)


# Takes `node` out of the tree, where a thread of it ends.
func _end(node: Node) -> void:
	node.get_parent().remove_child(node)
	node.free()


# Whether what `node` has printed has `text` in it, in one line or in pieces; without a text,
# whether it has printed anything.
func _has_said(node: Node, text: String) -> bool:
	var said: String = "".join(PackedStringArray(node.said))
	return said.contains(text) if not text.is_empty() else not said.is_empty()


func _frames(count: int, each := Callable()) -> void:
	for i in count:
		await (Engine.get_main_loop() as SceneTree).process_frame
		if each.is_valid():
			each.call()
