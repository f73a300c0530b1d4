extends RefCounted
## A client for a language server, or for any other server that speaks JSON-RPC 2 with headers. Its
## messages are packets with `FRAMING_CONTENT_LENGTH`.
## [codeblock]
## var client := LanguageClient.new()
## client.notified.connect(func(method: String, params: Variant) -> void: print(method, params))
## if await client.connect_to_server("localhost", 6005) == OK:
##     await client.request("initialize", {"processId": null, "rootUri": null, "capabilities": {}})
##     client.notify("initialized", {})
## [/codeblock]

## Emitted when the server sends a notification.
signal notified(method: String, params: Variant)

## The most bytes of a message. A longer one takes too long to parse within a frame, and ends the
## connection. An array of zeros of this size takes 0.15 s with a debug build of the library, and
## 0.02 s with a release build. Twice as much would take a debug build more than 0.25 s.
const MAX_MESSAGE_BYTES: int = 512 << 10

## The time limit of an answer in seconds.
var time_limit: float = 30.0
## Why the last request has no result: the server's error, or how the connection ended. Empty after
## a success.
var error_message: String = ""

var _packets: PacketPeerSocketRs = PacketPeerSocketRs.new()
# The answer to each request in progress, by the request's number. Empty until it arrives.
var _answers: Dictionary = {}
var _requests: int = 0


func _init() -> void:
	_packets.framing = PacketPeerSocketRs.FRAMING_CONTENT_LENGTH
	_packets.max_packet_bytes = MAX_MESSAGE_BYTES
	var _connected: int = _packets.packet_received.connect(_on_packet)
	_packets.auto_poll = true


func connect_to_server(host: String, port: int) -> Error:
	var peer: StreamPeerTCPRs = StreamPeerTCPRs.new()
	_packets.stream = peer
	peer.auto_poll = true
	peer.write_buffer_limit = 64 << 20
	var error: Error = peer.connect_to_host(host, port)
	if error == OK:
		error = await peer.connect_finished
	return error


func close() -> void:
	if _packets.stream != null:
		_packets.stream.disconnect_from_host()


## Sends a request, and waits for the result. Returns null after an error; [member error_message]
## says why.
func request(method: String, params: Variant) -> Variant:
	_requests += 1
	var id: int = _requests
	_answers[id] = {}
	_put({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	var end: float = Time.get_ticks_msec() + time_limit * 1000
	var answer: Dictionary = {}
	while answer.is_empty() and _is_connected() and Time.get_ticks_msec() < end:
		await (Engine.get_main_loop() as SceneTree).process_frame
		answer = _answers[id]
	var _erased: bool = _answers.erase(id)
	error_message = ""
	if answer.has("error"):
		var error: Variant = answer["error"]
		if error is Dictionary:
			var details: Dictionary = error
			error = details.get("message")
		error_message = str(error)
	elif answer.is_empty():
		error_message = "no answer" if _is_connected() else "the connection has ended"
	return answer.get("result")


## Sends a notification, which the server does not answer.
func notify(method: String, params: Variant) -> void:
	_put({"jsonrpc": "2.0", "method": method, "params": params})


func _put(message: Dictionary) -> void:
	# It fails only without a connection, and then there is no answer either.
	var _error: Error = _packets.put_json(message)


func _is_connected() -> bool:
	return (_packets.stream != null
			and _packets.stream.get_status() == StreamPeerSocketRs.STATUS_CONNECTED)


func _on_packet(packet: PackedByteArray) -> void:
	# Null if it is not JSON. The engine's own functions print an error for each byte that is not
	# valid UTF-8.
	var json: Variant = PacketPeerSocketRs.decode_json(packet)
	if not json is Dictionary:
		return
	var message: Dictionary = json
	if message.get("method") is String and message.has("id"):
		# A request from the server. It needs an answer, and null is a valid one.
		_put({"jsonrpc": "2.0", "id": message["id"], "result": null})
	elif message.get("method") is String:
		notified.emit(message["method"], message.get("params"))
	elif message.get("id") is int:
		var id: int = message["id"]
		if _answers.has(id):
			_answers[id] = message
