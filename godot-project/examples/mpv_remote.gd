extends RefCounted
## A remote control for mpv, by its JSON IPC: one line of JSON is one message (`mpv --input-ipc-server=/tmp/mpv.sock`).
## [codeblock]
## var mpv := MpvRemote.new()
## mpv.happened.connect(func(event: Dictionary) -> void: print(event.event))
## if await mpv.connect_to_path("/tmp/mpv.sock") == OK:
##     await mpv.command(["loadfile", "music.ogg"])
##     print(await mpv.command(["get_property", "duration"]))
## [/codeblock]

## Something has happened in the player: `event.event` says what.
signal happened(event: Dictionary)

## Seconds that an answer may take.
var time_limit := 5.0
## What has become of the last command: "success", or why not.
var outcome := ""

var _lines := PacketPeerSocketRs.new()
# What was answered, by the number of the command; null as long as nothing was. Nobody waits for others.
var _answers := {}
var _commands := 0


func _init() -> void:
	_lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	_lines.packet_received.connect(_on_line)
	_lines.auto_poll = true


func connect_to_path(path: String) -> Error:
	var peer := StreamPeerUDSRs.new()
	_lines.stream = peer
	peer.auto_poll = true
	peer.write_buffer_limit = 1 << 20
	var error := peer.connect_to_host(path)
	if error == OK:
		error = await peer.connect_finished
	return error


func close() -> void:
	_lines.stream.disconnect_from_host()


## Sends a command, and waits for what it gives. Null if it gives nothing, or has failed; [member outcome] tells.
func command(words: Array) -> Variant:
	_commands += 1
	var id := _commands
	_answers[id] = null
	_lines.put_json({"command": words, "request_id": id})
	var end := Time.get_ticks_msec() + time_limit * 1000
	while _answers[id] == null and _is_connected() and Time.get_ticks_msec() < end:
		await (Engine.get_main_loop() as SceneTree).process_frame
	var answer: Dictionary = {} if _answers[id] == null else _answers[id]
	_answers.erase(id)
	outcome = str(answer.get("error", "no answer"))
	return answer.get("data")


func _is_connected() -> bool:
	return _lines.stream != null and _lines.stream.get_status() == StreamPeerSocketRs.STATUS_CONNECTED


func _on_line(line: PackedByteArray) -> void:
	var message: Variant = JSON.parse_string(line.get_string_from_utf8())
	if message is Dictionary and message.has("event"):
		happened.emit(message)
	elif message is Dictionary and message.get("request_id") is float and _answers.has(int(message.request_id)):
		_answers[int(message.request_id)] = message
