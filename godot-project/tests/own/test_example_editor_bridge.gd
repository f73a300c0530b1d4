extends "res://tests/support/test_case.gd"
## The editor plugin in `examples/`, in a second engine that runs as an editor without a window.

const EngineProcess := preload("res://tests/support/engine_process.gd")
const SocketAwait := preload("res://addons/stream_peer_socket_rs/socket_await.gd")

const SCENE := "[gd_scene format=3]\n\n[node name=\"Root\" type=\"Node\"]\n"
# The answer to each line.
const ANSWERS := {
	# Notifications have no answer, whether their method exists or not.
	'{"jsonrpc":"2.0","method":"editor/version"}': '',
	'{"jsonrpc":"2.0","method":"no/such"}': '',
	'{"jsonrpc":"2.0","id":9007199254740993,"method":"editor/version"}':
	'{"id":9007199254740993,"jsonrpc":"2.0","result":"VERSION"}',
	'{"jsonrpc":"2.0","id":"seven","method":"editor/version"}':
	'{"id":"seven","jsonrpc":"2.0","result":"VERSION"}',
	'{"jsonrpc":"2.0","id":1,"method":"scene/open","params":{"path":"res://main.tscn"}}':
	'{"id":1,"jsonrpc":"2.0","result":true}',
	'{"jsonrpc":"2.0","id":2,"method":"scene/open","params":{"path":"res://none.tscn"}}':
	'{"id":2,"jsonrpc":"2.0","result":false}',
	'{"jsonrpc":"2.0","id":3,"method":"scene/open","params":[7]}':
	'{"id":3,"jsonrpc":"2.0","result":false}',
	'{"jsonrpc":"2.0","id":4,"method":"scene/open","params":{"path":"uid://b"}}':
	'{"id":4,"jsonrpc":"2.0","result":false}',
	'{"jsonrpc":"2.0","id":5,"method":"no/such"}':
	'{"error":{"code":-32601,"message":"method not found"},"id":5,"jsonrpc":"2.0"}',
	'{"jsonrpc":"2.0","id":6,"method":7}':
	'{"error":{"code":-32600,"message":"invalid request"},"id":6,"jsonrpc":"2.0"}',
	'43': '{"error":{"code":-32600,"message":"invalid request"},"id":null,"jsonrpc":"2.0"}',
	'null': '{"error":{"code":-32600,"message":"invalid request"},"id":null,"jsonrpc":"2.0"}',
	'{"half': '{"error":{"code":-32700,"message":"parse error"},"id":null,"jsonrpc":"2.0"}',
}


func test_the_bridge_answers_requests() -> void:
	if not EngineProcess.available():
		return skip("a second engine cannot be run here")
	if not OS.has_feature("editor"):
		return skip("this engine was built without the editor")
	var root := fresh_path("project")
	var editor := _start_editor(root)
	var path := root.path_join(".godot/bridge.sock")
	var lines := PacketPeerSocketRs.new()
	lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	var started: bool = await until(func() -> bool:
		return StreamPeerUDSRs.new().connect_to_host(path) == OK, "the editor", 100.0)
	if started:
		var stream := await _connected(path)
		lines.stream = stream
		for line: String in ANSWERS:
			check_eq(lines.put_text(line), OK, line)
			var expected: String = ANSWERS[line].replace("VERSION", Engine.get_version_info().string)
			if not expected.is_empty():
				check_eq((await SocketAwait.packet(lines, 30.0)).text(), expected, line)
		await _misbehave(path)
		lines.put_text('{"id":8,"method":"no/such"}')
		check((await SocketAwait.packet(lines, 30.0)).text().contains('"id":8'), "an answer at the end")
	OS.kill(editor.pid)
	var output: String = editor.stdio.get_as_text() + editor.stderr.get_as_text()
	check(started and not output.contains("ERROR"), output)
	OS.execute("rm", ["-r", root])


func time_limits() -> Dictionary:
	return {"test_the_bridge_answers_requests": 180}


func _connected(path: String) -> StreamPeerUDSRs:
	var peer := StreamPeerUDSRs.new()
	peer.write_buffer_limit = 16 << 20
	peer.connect_to_host(path)
	check_eq((await SocketAwait.connected(peer, 30.0)).error, OK, "connect")
	return peer


# Garbage, half a line, a line that is too long, requests whose answers are never read, and more
# connections than the bridge accepts.
func _misbehave(path: String) -> void:
	var garbage := PackedByteArray()
	for i in 20_000:
		garbage.append((i * i) % 251)
	var request := '{"id":1,"method":"editor/version"}\n'.to_ascii_buffer()
	var flood := PackedByteArray()
	for _i in 30_000:
		flood.append_array(request)
	var peers: Array[StreamPeerUDSRs] = []
	for data: PackedByteArray in [garbage, "{\"half".to_ascii_buffer(),
			"x".repeat(100_000).to_ascii_buffer(), flood]:
		var peer := await _connected(path)
		peer.put_data(data)
		peers.append(peer)
	for _i in 50:
		var peer := StreamPeerUDSRs.new()
		peer.connect_to_host(path)
		peers.append(peer)
	# The peer with the flood never reads, so the bridge ends it.
	await until(func() -> bool:
		for peer in peers:
			peer.poll()
		return peers[3].get_pending_write_bytes() == 0, "the flood", 60.0)
	for peer in peers:
		peer.abort()


func _start_editor(root: String) -> Dictionary:
	DirAccess.make_dir_recursive_absolute(root.path_join("addons"))
	DirAccess.make_dir_recursive_absolute(root.path_join(".godot"))
	for folder: String in ["res://addons/stream_peer_socket_rs", "res://examples/editor_bridge"]:
		OS.execute("cp", ["-rL", ProjectSettings.globalize_path(folder), root.path_join("addons")])
	for file: String in ["extension_list.cfg", "global_script_class_cache.cfg"]:
		DirAccess.copy_absolute("res://.godot".path_join(file), root.path_join(".godot").path_join(file))
	_write(root.path_join("main.tscn"), SCENE)
	_write(root.path_join("project.godot"), "config_version=5\n[application]\nconfig/name=\"x\"\n"
			+ "[editor_plugins]\nenabled=PackedStringArray(\"res://addons/editor_bridge/plugin.cfg\")\n")
	# The editor keeps its settings in the user's home folder.
	var command: PackedStringArray = ["env", "HOME=" + root.path_join("home"), "XDG_CONFIG_HOME=",
			"XDG_DATA_HOME=", "XDG_CACHE_HOME="]
	command.append_array(EngineProcess._command())
	command.append_array(["--headless", "--editor", "--path", root])
	DirAccess.make_dir_recursive_absolute(root.path_join("home"))
	return OS.execute_with_pipe(command[0], command.slice(1), false)


func _write(path: String, text: String) -> void:
	var file := FileAccess.open(path, FileAccess.WRITE)
	file.store_string(text)
	file.close()
