extends "res://tests/support/test_case.gd"
## Everything that an untrusted client or server may send to a WebSocketPeerRs: each malformed
## handshake and frame has its answer, close code and message. Nothing is printed.

const GOOD := {"Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}


func test_malformed_requests_are_refused() -> void:
	var cases := [
		[_request({"Host": null}), 400, "no Host"],
		[_request({"Upgrade": null}), 426, "header Upgrade does not contain websocket"],
		[_request({"Connection": "close"}), 400, "header Connection does not contain Upgrade"],
		[_request({"Sec-WebSocket-Version": "12"}), 426, "header Sec-WebSocket-Version is not 13"],
		[_request({"Sec-WebSocket-Key": "short"}), 400,
				"header Sec-WebSocket-Key is not the base64 text of 16 bytes"],
		[_request({"Sec-WebSocket-Protocol": "chat"}), 400, "subprotocol \"chat\" is not supported"],
		[_request({"Content-Length": "3"}), 400, "request has a body"],
		[_request({}).replace("GET", "POST"), 405, "method POST is not GET"],
		[_request({}).replace("HTTP/1.1", "HTTP/1.0"), 426, "HTTP/1.0 does not support upgrades"],
		[_request({"X-Long": "x".repeat(20000)}), 431, ""],
		["nonsense\r\n\r\n", 400, ""],
		["\u0016\u0003\u0001", 400, ""],
	]
	for case: Array in cases:
		var end := endpoint("tcp")
		var untrusted := dial(end)
		settle(untrusted)
		var served := WebSocketPeerRs.new()
		served.accept_stream(accept(end))
		untrusted.write_buffer_limit = 1 << 20
		untrusted.put_data(case[0].to_ascii_buffer())
		var answer := _end_of(served, untrusted)
		check(answer.begins_with("HTTP/1.1 %d " % case[1]), "%s: %s" % [case[2], answer])
		check_eq(served.get_close_code(), -1, "no close code")
		var message := served.get_last_error_message()
		if not case[2].is_empty() and case[2] != "no Host":
			check_eq(message, "handshake: " + case[2], "the reason")
			check(answer.ends_with(case[2] + "\n"), "the answer has it: " + answer)
		check(not message.is_empty(), "there is a reason")


func test_malformed_frames_are_refused() -> void:
	var mask := "00000000"
	var cases := [
		["8105" + "00", 1002, "client frame is not masked"],
		["c180" + mask, 1002, "reserved bit is set"],
		["a180" + mask, 1002, "reserved bit is set"],
		["8380" + mask, 1002, "reserved opcode 3"],
		["8b80" + mask, 1002, "reserved opcode 11"],
		["0980" + mask, 1002, "control frame is fragmented"],
		["89fe0080" + mask, 1002, "control frame exceeds 125 bytes"],
		["81fe0001" + mask, 1002, "length is not in its shortest form"],
		["82ff0000000000000001" + mask, 1002, "length is not in its shortest form"],
		["82ffffffffffffffffff" + mask, 1002, "length has its highest bit set"],
		["8080" + mask, 1002, "continuation frame without a message"],
		["0180" + mask + "0180" + mask, 1002, "message begins within another message"],
		["8881" + mask + "03", 1002, "close frame of 1 byte is too short for a code"],
		["8882" + mask + "03e7", 1002, "invalid close code 999"],
		["8882" + mask + "03ed", 1002, "invalid close code 1005"],
		["8883" + mask + "03e8ff", 1007, "close reason is not UTF-8"],
		["8181" + mask + "ff", 1007, "text message is not UTF-8"],
		["8181" + mask + "c3", 1007, "text message is not UTF-8"],
		# Refused before the frame has arrived.
		["81e4" + mask + "f490", 1007, "text message is not UTF-8"],
		["82fe0401" + mask, 1009, "message exceeds the limit of 1024 bytes"],
		["82ff7fffffffffffffff" + mask, 1009, "message exceeds the limit of 1024 bytes"],
		["0280" + mask + "80fe0401" + mask, 1009, "message exceeds the limit of 1024 bytes"],
	]
	for case: Array in cases:
		_check_refusal(case[0], case[1], case[2], false)


func test_malformed_compressed_frames_are_refused() -> void:
	var mask := "00000000"
	var broken := "invalid compressed message"
	for case: Array in [
		# A block of a type that does not exist.
		["c281" + mask + "07", 1007, broken],
		# A stored block whose length does not match its complement.
		["c285" + mask + "0005000500", 1007, broken],
		# It refers to bytes before the first.
		["c283" + mask + "030200", 1007, broken],
		# The second frame of a message.
		["4280" + mask + "8081" + mask + "07", 1007, broken],
		["c080" + mask, 1002, "reserved bit is set"],
		["c980" + mask, 1002, "reserved bit is set"],
	]:
		_check_refusal(case[0], case[1], case[2], true)


func test_responses_without_a_handshake_are_refused() -> void:
	var accept_header := "Sec-WebSocket-Accept: %s\r\n"
	var upgrade := "Upgrade: websocket\r\n"
	var connection := "Connection: Upgrade\r\n"
	var switching := "HTTP/1.1 101 Switching Protocols\r\n"
	var cases := [
		["HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n", "server answered 403 Forbidden"],
		["HTTP/1.1 301 Moved\r\nLocation: ws://a/\r\n", "server answered 301 Moved"],
		[switching + connection + accept_header, "header Upgrade of the response is not websocket"],
		[switching + upgrade + accept_header,
				"header Connection of the response does not contain Upgrade"],
		[switching + upgrade + connection,
				"header Sec-WebSocket-Accept of the response does not belong to the key"],
		[switching + upgrade + connection + "Sec-WebSocket-Accept: AAAA\r\n",
				"header Sec-WebSocket-Accept of the response does not belong to the key"],
		[switching + upgrade + connection + accept_header + "Sec-WebSocket-Protocol: a\r\n",
				"server accepted the subprotocol \"a\", which was not requested"],
		[switching + upgrade + connection + accept_header + "Sec-WebSocket-Extensions: a\r\n",
				"extension \"a\" was not offered"],
		["HTTP/1.1 1x1 Switching Protocols\r\n", "malformed status code"],
		["HTTP/1.1 99 Switching Protocols\r\n", "malformed status code"],
		["HTTP/1.1 101 %s\r\n" % "x".repeat(20000), "status line exceeds the limit of 16384 bytes"],
		["SSH-2.0-OpenSSH_9.0\r\n", ""],
	]
	for case: Array in cases:
		var end := endpoint("tcp")
		var client := WebSocketPeerRs.new()
		client.connect_to_url("ws://127.0.0.1:%d/" % end.port)
		spin_until(func() -> bool:
			client.poll()
			return end.server.is_connection_available(), "a connection")
		var untrusted := accept(end)
		var request := [""]
		spin_until(func() -> bool:
			client.poll()
			request[0] += untrusted.receive().get_string_from_ascii()
			return request[0].ends_with("\r\n\r\n"), "the request")
		var key: String = request[0].get_slice("Sec-WebSocket-Key: ", 1).get_slice("\r\n", 0)
		var digest := (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").sha1_buffer()
		var text: String = case[0]
		if text.contains("%s"):
			text = text % Marshalls.raw_to_base64(digest)
		untrusted.put_data((text + "\r\n").to_ascii_buffer())
		spin_until(func() -> bool:
			client.poll()
			return client.get_ready_state() == WebSocketPeerRs.STATE_CLOSED, "the end")
		var message := client.get_last_error_message()
		if case[1].is_empty():
			check(not message.is_empty(), "there is a reason")
		else:
			check_eq(message, "handshake: " + case[1], "the reason")


func test_invalid_arguments_are_refused() -> void:
	var peer := WebSocketPeerRs.new()
	var cases := [
		[func() -> Variant: return peer.connect_to_url(""), "connect_to_url \"\": invalid host \"\""],
		[func() -> Variant: return peer.connect_to_url("http://a"),
				"connect_to_url \"http://a\": scheme \"http\" is neither ws nor wss"],
		[func() -> Variant: return peer.connect_to_url("ws://a:0"),
				"connect_to_url \"ws://a:0\": invalid port \"0\""],
		[func() -> Variant: return peer.accept_stream(null), "accept_stream: stream is null"],
		[func() -> Variant: return peer.connect_to_stream(StreamPeerBuffer.new(), "ws://a"),
				"connect_to_stream: StreamPeerBuffer is neither a socket nor a StreamPeerTLS over one"],
		[func() -> Variant: return peer.send([], 2), "send: 2 is not a WriteMode constant"],
		[func() -> Variant:
			peer.handshake_headers = ["no colon"]
			return peer.connect_to_url("ws://localhost"),
				"connect_to_url: handshake header \"no colon\" is not \"Name: value\""],
		[func() -> Variant:
			peer.handshake_headers = ["Upgrade: x"]
			return peer.connect_to_url("ws://localhost"),
				"connect_to_url: header \"Upgrade\" is part of the handshake"],
		[func() -> Variant:
			peer.handshake_headers = ["X: a\r\nY: b"]
			return peer.connect_to_url("ws://localhost"),
				"connect_to_url: value of header \"X\" has control characters"],
		[func() -> Variant:
			peer.handshake_headers = []
			peer.supported_protocols = ["a b"]
			return peer.connect_to_url("ws://localhost"),
				"connect_to_url: subprotocol \"a b\" is not a token"],
	]
	# Some engines have no TLS.
	if quietly(func() -> Object: return ClassDB.instantiate("Crypto")) != null:
		var options := TLSOptions.server(CryptoKey.new(), X509Certificate.new())
		cases.append([func() -> Variant: return peer.connect_to_url("wss://localhost", options),
				"connect_to_url: tls_client_options are server options"])
	for case: Array in cases:
		check_eq(quietly(case[0]), ERR_INVALID_PARAMETER, case[1])
		check_eq(peer.get_last_error_message(), case[1], "the message")
	for case: Array in [["inbound_buffer_size", 0, "1 and 2147483647"],
			["outbound_buffer_size", -1, "0 and 2147483647"], ["max_queued_packets", 0, "1 and 2147483647"],
			["max_message_bytes", 1 << 31, "0 and 2147483647"], ["max_frame_bytes", -1, "0 and 2147483647"],
			["compression_threshold", -1, "0 and 2147483647"], ["compression_window_bits", 8, "9 and 15"]]:
		var before: Variant = peer.get(case[0])
		quietly(func() -> void: peer.set(case[0], case[1]))
		check_eq(peer.get(case[0]), before, case[0])
		check_eq(peer.get_last_error_message(), "%s: %d is not between %s" % case, "the message")
	for property: String in ["heartbeat_interval", "handshake_timeout"]:
		quietly(func() -> void: peer.set(property, -1.0))
		check_eq(peer.get_last_error_message(), property + ": -1 is not a valid number of seconds",
				"the message")


func test_invalid_close_codes_and_reasons_are_refused() -> void:
	var peer := WebSocketPeerRs.new()
	for code: int in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 70000]:
		quietly(func() -> void: peer.close(code))
		check_eq(peer.get_last_error_message(),
				"close: code %d is not 1000 to 1003, 1007 to 1014, or 3000 to 4999" % code, "the message")
	quietly(func() -> void: peer.close(1000, "é".repeat(62)))
	check_eq(peer.get_last_error_message(), "close: reason of 124 bytes exceeds the limit of 123",
			"too long")


## Sends `frame`, in hexadecimal, behind a good message, which is delivered.
func _check_refusal(frame: String, code: int, reason: String, is_compressing: bool) -> void:
	var end := endpoint("tcp")
	var untrusted := dial(end)
	settle(untrusted)
	var served := WebSocketPeerRs.new()
	served.inbound_buffer_size = 1024
	served.compression = is_compressing
	served.accept_stream(accept(end))
	var offer := {"Sec-WebSocket-Extensions": "permessage-deflate"} if is_compressing else {}
	untrusted.put_data(_request(offer).to_ascii_buffer())
	spin_until(func() -> bool:
		served.poll()
		return served.get_ready_state() == WebSocketPeerRs.STATE_OPEN, "the handshake")
	check_eq(served.is_compressing(), is_compressing, "it is compressed")
	untrusted.put_data(("828100000000" + "07" + frame).hex_decode())
	var answer := _bytes_of(served, untrusted)
	check_eq(served.get_close_code(), code, reason + ": the code")
	var operation := "receive: malformed frame: " if code == 1002 else "receive: "
	check_eq(served.get_last_error_message(), operation + reason, "the reason")
	check_eq(served.get_packet(), PackedByteArray([7]), reason + ": the message before it")
	# The last frame has the code.
	var last := answer.slice(answer.size() - 4)
	var expected := PackedByteArray([0x88, 2, code >> 8, code & 255])
	check_eq(last, expected, reason + ": the close frame")


func _request(changes: Dictionary) -> String:
	var headers := GOOD.duplicate()
	headers.merge(changes, true)
	var text := "GET / HTTP/1.1\r\n"
	for name: String in headers:
		if headers[name] != null:
			text += "%s: %s\r\n" % [name, headers[name]]
	return text + "\r\n"


## What `untrusted` receives until `served` has ended the connection.
func _bytes_of(served: WebSocketPeerRs, untrusted: StreamPeerTCPRs) -> PackedByteArray:
	var received := PackedByteArray()
	spin_until(func() -> bool:
		served.poll()
		received.append_array(untrusted.receive())
		untrusted.poll()
		return (served.get_ready_state() == WebSocketPeerRs.STATE_CLOSED
				and untrusted.get_status() == STATUS_NONE), "the end")
	return received


func _end_of(served: WebSocketPeerRs, untrusted: StreamPeerTCPRs) -> String:
	return _bytes_of(served, untrusted).get_string_from_ascii()
