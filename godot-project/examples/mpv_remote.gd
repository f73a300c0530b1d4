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
# What was answered, by the number of the command.
var _answers := {}
var _commands := 0


func connect_to_path(path: String) -> Error:
	var peer := StreamPeerUDSRs.new()
	peer.auto_poll = true
	peer.write_buffer_limit = 1 << 20
	var error := peer.connect_to_host(path)
	if error == OK:
		error = await peer.connect_finished
	if error == OK:
		_lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
		_lines.stream = peer
		_lines.packet_received.connect(_on_line)
		_lines.auto_poll = true
	return error


func close() -> void:
	_lines.stream.disconnect_from_host()


## Sends a command, and waits for what it gives. Null if it gives nothing, or has failed; [member outcome] tells.
func command(words: Array) -> Variant:
	_commands += 1
	var id := _commands
	_lines.put_json({"command": words, "request_id": id})
	var end := Time.get_ticks_msec() + time_limit * 1000
	while not _answers.has(id) and Time.get_ticks_msec() < end:
		if _lines.stream.get_status() != StreamPeerSocketRs.STATUS_CONNECTED:
			break
		await (Engine.get_main_loop() as SceneTree).process_frame
	var answer: Dictionary = _answers.get(id, {"error": "no answer"})
	_answers.erase(id)
	outcome = answer.error
	return answer.get("data")


func _on_line(line: PackedByteArray) -> void:
	var message: Variant = JSON.parse_string(line.get_string_from_utf8())
	if message is Dictionary and message.has("event"):
		happened.emit(message)
	elif message is Dictionary and message.has("request_id"):
		_answers[int(message.request_id)] = message
