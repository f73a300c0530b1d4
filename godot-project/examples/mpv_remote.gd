extends RefCounted
## A remote control for mpv, over its JSON IPC (`mpv --input-ipc-server=/tmp/mpv.sock`). Each
## message is one line of JSON.
## [codeblock]
## var mpv := MpvRemote.new()
## mpv.happened.connect(func(event: Dictionary) -> void: print(event.event))
## if await mpv.connect_to_path("/tmp/mpv.sock") == OK:
##     await mpv.command(["loadfile", "music.ogg"])
##     print(await mpv.command(["get_property", "duration"]))
## [/codeblock]

## Emitted for each event of the player. `event.event` is its name.
signal happened(event: Dictionary)

## The most bytes of a message. A longer one takes too long to parse within a frame, and ends the
## connection. An array of zeros of this size takes 0.15 s with a debug build of the library, and
## 0.02 s with a release build. Twice as much would take a debug build more than 0.25 s.
const MAX_MESSAGE_BYTES: int = 512 << 10

## The time limit of an answer in seconds.
var time_limit: float = 5.0
## The outcome of the last command: "success", or why the command failed.
var outcome: String = ""

var _lines: PacketPeerSocketRs = PacketPeerSocketRs.new()
# The answer to each command in progress, by the command's number. Empty until it arrives.
var _answers: Dictionary = {}
var _commands: int = 0


func _init() -> void:
	_lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	_lines.max_packet_bytes = MAX_MESSAGE_BYTES
	var _connected: int = _lines.packet_received.connect(_on_line)
	_lines.auto_poll = true


func connect_to_path(path: String) -> Error:
	var peer: StreamPeerUDSRs = StreamPeerUDSRs.new()
	_lines.stream = peer
	peer.auto_poll = true
	peer.write_buffer_limit = 1 << 20
	var error: Error = peer.connect_to_host(path)
	if error == OK:
		error = await peer.connect_finished
	return error


func close() -> void:
	if _lines.stream != null:
		_lines.stream.disconnect_from_host()


## Sends a command, and waits for its result. Returns null if there is no result or if the command
## failed; see [member outcome].
func command(words: Array) -> Variant:
	_commands += 1
	var id: int = _commands
	_answers[id] = {}
	# It fails only without a connection, and then there is no answer either.
	var _error: Error = _lines.put_json({"command": words, "request_id": id})
	var end: float = Time.get_ticks_msec() + time_limit * 1000
	var answer: Dictionary = {}
	while answer.is_empty() and _is_connected() and Time.get_ticks_msec() < end:
		await (Engine.get_main_loop() as SceneTree).process_frame
		answer = _answers[id]
	var _erased: bool = _answers.erase(id)
	outcome = str(answer.get("error", "no answer"))
	return answer.get("data")


func _is_connected() -> bool:
	return _lines.stream != null and _lines.stream.get_status() == StreamPeerSocketRs.STATUS_CONNECTED


func _on_line(line: PackedByteArray) -> void:
	# Null if it is not JSON. The engine's own functions print an error for each byte that is not
	# valid UTF-8.
	var json: Variant = PacketPeerSocketRs.decode_json(line)
	if not json is Dictionary:
		return
	var message: Dictionary = json
	if message.has("event"):
		happened.emit(message)
	elif message.get("request_id") is int:
		var id: int = message["request_id"]
		if _answers.has(id):
			_answers[id] = message
