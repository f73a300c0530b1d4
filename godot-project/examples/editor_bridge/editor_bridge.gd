@tool
extends EditorPlugin
## Answers requests of other programs on this machine in JSON-RPC 2, one JSON per line. Copy this
## folder to `addons/`, and enable the plugin in the project settings. In the project's folder:
## [codeblock]
## echo '{"jsonrpc":"2.0","id":1,"method":"editor/version"}' | nc -NU .godot/bridge.sock
## [/codeblock]

var server: UDSServerRs = UDSServerRs.new()
var group: StreamPeerSocketGroupRs = StreamPeerSocketGroupRs.new()


func _enter_tree() -> void:
	var lines: PacketPeerSocketRs = PacketPeerSocketRs.new()
	lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	lines.max_packet_bytes = 65536
	server.socket_mode = 0x180  # octal 600: this user only
	group.max_members = 16
	# Further requests wait, so a client that floods the editor does not slow it down.
	group.max_packets_per_poll = 32
	group.auto_poll = true
	var _connected: int = group.peer_packet_received.connect(_on_line)
	if server.listen("res://.godot/bridge.sock") != OK or group.accept_from(server, lines) != OK:
		push_error(server.get_last_error_message())


func _on_line(peer: PacketPeerSocketRs, line: PackedByteArray) -> void:
	# No JSON decodes to a StringName.
	var json: Variant = PacketPeerSocketRs.decode_json(line, &"invalid")
	var request: Dictionary = json if json is Dictionary else {}
	var answer: Dictionary = {"jsonrpc": "2.0", "id": request.get("id")}
	match request.get("method"):
		"editor/version":
			answer["result"] = Engine.get_version_info()["string"]
		"scene/open":
			answer["result"] = _open_scene(request.get("params"))
		var method when method is String:
			answer["error"] = {"code": -32601, "message": "method not found"}
		_ when json is StringName:
			answer["error"] = {"code": -32700, "message": "parse error"}
		_:
			answer["error"] = {"code": -32600, "message": "invalid request"}
	# A request without an id is a notification. A client that does not read refuses its answer.
	if ("id" in request or not request.get("method") is String) and peer.put_json(answer) != OK:
		peer.stream.abort()


# Returns whether the scene is open now.
func _open_scene(params: Variant) -> bool:
	var path: String = str(params["path"] if params is Dictionary and "path" in params else "")
	if path.begins_with("res://") and ResourceLoader.exists(path, "PackedScene"):
		EditorInterface.open_scene_from_path(path)
	return path in EditorInterface.get_open_scenes()
