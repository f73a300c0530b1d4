extends RefCounted
## A client for a language server, or for anything that speaks JSON-RPC 2 with headers, such as a debug adapter: packets with
## `FRAMING_CONTENT_LENGTH`.
## [codeblock]
## var client := LanguageClient.new()
## client.notified.connect(func(method: String, params: Variant) -> void: print(method, params))
## if await client.connect_to_server("localhost", 6005) == OK:
##     await client.request("initialize", {"processId": null, "rootUri": null, "capabilities": {}})
##     client.notify("initialized", {})
## [/codeblock]

## The server says something without being asked.
signal notified(method: String, params: Variant)

## Seconds that an answer may take.
var time_limit := 30.0
## Why the last request has no result: what the server has said, or how the connection has ended. Empty if it has one.
var error_message := ""

var _packets := PacketPeerSocketRs.new()
# What the server has answered, by the number of the request; null as long as it has not. Nobody waits for others.
var _answers := {}
var _requests := 0


func _init() -> void:
	_packets.framing = PacketPeerSocketRs.FRAMING_CONTENT_LENGTH
	_packets.packet_received.connect(_on_packet)
	_packets.auto_poll = true


func connect_to_server(host: String, port: int) -> Error:
	var peer := StreamPeerTCPRs.new()
	_packets.stream = peer
	peer.auto_poll = true
	peer.write_buffer_limit = 64 << 20
	var error := peer.connect_to_host(host, port)
	if error == OK:
		error = await peer.connect_finished
	return error


func close() -> void:
	_packets.stream.disconnect_from_host()


## Asks, and waits for the result. Null if there is none; [member error_message] says why.
func request(method: String, params: Variant) -> Variant:
	_requests += 1
	var id := _requests
	_answers[id] = null
	_put({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	var end := Time.get_ticks_msec() + time_limit * 1000
	while _answers[id] == null and _is_connected() and Time.get_ticks_msec() < end:
		await (Engine.get_main_loop() as SceneTree).process_frame
	var answer: Dictionary = {} if _answers[id] == null else _answers[id]
	_answers.erase(id)
	error_message = ""
	if answer.has("error"):
		error_message = str(answer.error.get("message")) if answer.error is Dictionary else str(answer.error)
	elif answer.is_empty():
		error_message = "no answer" if _is_connected() else "the connection has ended"
	return answer.get("result")


## Tells something that is not answered.
func notify(method: String, params: Variant) -> void:
	_put({"jsonrpc": "2.0", "method": method, "params": params})


func _put(message: Dictionary) -> void:
	_packets.put_json(message)


func _is_connected() -> bool:
	return _packets.stream != null and _packets.stream.get_status() == StreamPeerSocketRs.STATUS_CONNECTED


func _on_packet(packet: PackedByteArray) -> void:
	var message: Variant = JSON.parse_string(packet.get_string_from_utf8())
	if not message is Dictionary:
		return
	if message.has("method") and message.has("id"):
		# The server asks. Null is an answer, to some of its questions the right one.
		_put({"jsonrpc": "2.0", "id": message.id, "result": null})
	elif message.has("method"):
		notified.emit(message.method, message.get("params"))
	elif message.get("id") is float and _answers.has(int(message.id)):
		_answers[int(message.id)] = message
