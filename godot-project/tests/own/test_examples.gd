extends "res://tests/support/test_case.gd"
## The examples in the class documentation and the READMEs: each compiles and runs, and those that wait for somebody's answer
## get over servers that send it byte by byte, that close without one, and that never give one.

const ANSWER := "the answer\n"


## A complete script among the examples.
class Example:
	var from: String
	var source: String

	func uses(text: String) -> bool:
		return source.contains(text)


## What answers the examples that ask. It sends byte by byte, one in each frame, closes at once, or says nothing.
class Answerer:
	var server := TCPServerRs.new()
	var peers: Array[StreamPeerTCPRs] = []
	var answer: PackedByteArray
	var closes := false
	var _sent := {}

	func _init() -> void:
		server.listen(0)

	func step() -> void:
		while server.is_connection_available():
			peers.append(server.take_connection())
		for peer in peers:
			var sent: int = _sent.get(peer, 0)
			if closes:
				peer.disconnect_from_host()
			elif peer.get_status() == STATUS_CONNECTED and sent < answer.size():
				peer.put_u8(answer[sent])
				_sent[peer] = sent + 1


func test_each_compiles() -> void:
	var all := _all()
	if all.is_empty():
		skip("the texts are not beside the project")
		return
	check(all.size() >= 15, "%d examples were found" % all.size())
	for example in all:
		var script := GDScript.new()
		script.source_code = example.source
		check_eq(script.reload(), OK, "%s:\n%s" % [example.from, example.source])


func test_those_that_ask_get_over_every_server() -> void:
	var asking := _all().filter(func(example: Example) -> bool: return example.uses("await ") and example.uses("4000"))
	if asking.is_empty():
		skip("the texts are not beside the project")
		return
	check(asking.size() >= 2, "%d examples ask" % asking.size())
	for example: Example in asking:
		for what in ["byte by byte", "closing", "silent", "absent"]:
			var answerer := Answerer.new()
			answerer.closes = what == "closing"
			if what == "byte by byte":
				answerer.answer = ANSWER.to_ascii_buffer()
				if example.uses("bytes_to_var"):
					var value := var_to_bytes("the answer")
					answerer.answer = PackedByteArray([value.size(), 0, 0, 0]) + value
			var port := answerer.server.get_local_port()
			if what == "absent":
				answerer.server.stop()
			var node := _run(example, port)
			var met := "%s, %s server" % [example.from, what]
			await until(func() -> bool:
				answerer.step()
				return not node.said.is_empty(), met + ": it says how it went")
			var has_answer: bool = node.said.any(func(line: String) -> bool: return line.contains("the answer"))
			check_eq(has_answer, what == "byte by byte", "%s: %s" % [met, node.said])
			check(not node.said.any(func(line: String) -> bool: return line.contains("<null>")), "%s: %s" % [met, node.said])
			node.free()


func test_those_with_signals_hear_of_the_end() -> void:
	for example in _all():
		if not example.uses("packet_received.connect") or not example.uses("connect_to_host"):
			continue
		for closes in [false, true]:
			var answerer := Answerer.new()
			answerer.closes = closes
			answerer.answer = "{\"the\": \"answer\"}\n".to_ascii_buffer()
			var node := _run(example, answerer.server.get_local_port())
			await until(func() -> bool:
				answerer.step()
				return not node.said.is_empty(), example.from)
			check_eq(node.said[0].contains("answer"), not closes, "%s: %s" % [example.from, node.said])
			node.free()


func test_servers_get_over_every_client() -> void:
	for example in _all():
		if not example.uses("listen(4000)"):
			continue
		# A port that is free.
		var probe := TCPServerRs.new()
		probe.listen(0)
		var port := probe.get_local_port()
		probe.stop()
		var node := _run(example, port)
		var clients: Array[StreamPeerTCPRs] = []
		for i in 3:
			clients.append(StreamPeerTCPRs.new())
			check_eq(clients[i].connect_to_host(LOOPBACK, port), OK, example.from + ": connect")
			settle(clients[i])
		var tree := Engine.get_main_loop() as SceneTree
		for byte in "a name\nhello\n".to_ascii_buffer():
			clients[0].put_u8(byte)
			clients[1].put_u8(byte)
			await tree.process_frame
		clients[0].disconnect_from_host()
		clients[1].abort()
		for i in 5:
			await tree.process_frame
		check_eq(node.said.filter(func(line: String) -> bool: return line.begins_with("cannot")), [], example.from)
		# A thread that is in one of its methods ends with this.
		node.get_parent().remove_child(node)
		node.free()


func test_a_relay_cuts_a_message() -> void:
	for example in _all():
		if not example.uses("func half_a_message"):
			continue
		var server := TCPServerRs.new()
		server.listen(0, LOOPBACK)
		var message := PackedByteArray(range(200))
		var thread := in_thread(func() -> void:
			spin_until(server.is_connection_available, "the relay")
			var peer := server.take_connection()
			peer.put_data(message)
			reaches(peer, STATUS_NONE, "the cut"))
		var node := _run(example, 0)
		check_eq(node.half_a_message(server.get_local_port()), message.slice(0, 100), example.from)
		join(thread, "the server")
		node.free()


func _all() -> Array[Example]:
	var root := ProjectSettings.globalize_path("res://").path_join("..")
	var addon := root.path_join("addons/stream_peer_socket_rs")
	var examples: Array[Example] = []
	for file in DirAccess.get_files_at(addon.path_join("doc_classes")):
		var text := FileAccess.get_file_as_string(addon.path_join("doc_classes").path_join(file))
		_collect(file, text.xml_unescape(), "\\[codeblock\\]\\n([\\s\\S]*?)\\[/codeblock\\]", examples)
	for file: String in [root.path_join("README.md"), addon.path_join("README.md")]:
		_collect(file.get_file(), FileAccess.get_file_as_string(file), "```gdscript\\n([\\s\\S]*?)```", examples)
	return examples


func _collect(from: String, text: String, pattern: String, examples: Array[Example]) -> void:
	for found in RegEx.create_from_string(pattern).search_all(text):
		var example := Example.new()
		example.from = from
		example.source = _complete(found.get_string(1))
		examples.append(example)


# An example as a script: what its text takes for granted is added, and what it prints is kept.
func _complete(text: String) -> String:
	var source := text.dedent().replace("print(", "say(")
	var indent := "\t" if source.contains("\n\t") else "    "
	if not source.contains("func "):
		source = "func body(group: StreamPeerSocketGroupRs, data: PackedByteArray) -> void:\n" + source.indent(indent)
	if not source.contains("extends "):
		source = "extends Node\nvar peer: StreamPeerTCPRs\n" + source
	source += "\nvar said := []\n\nfunc say(a: Variant, b: Variant = \"\", c: Variant = \"\") -> void:\n"
	return source + indent + "said.append(str(a, b, c))\n"


# `example` as a node in the tree, with short patience, talking to `port`.
func _run(example: Example, port: int) -> Node:
	var script := GDScript.new()
	script.source_code = example.source.replace("4000", str(port)).replace("5.0)", "0.5)")
	check_eq(script.reload(), OK, example.from)
	var node: Node = script.new()
	(Engine.get_main_loop() as SceneTree).root.add_child(node)
	return node
