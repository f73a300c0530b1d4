extends "res://tests/support/test_case.gd"
## The engine's own classes that use a peer as their stream.


func test_packet_peer_stream_sends_packets_over_a_peer() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var out := PacketPeerStream.new()
		out.stream_peer = pair.client
		var back := PacketPeerStream.new()
		back.stream_peer = pair.served
		for packet: PackedByteArray in [PackedByteArray([1]), PackedByteArray([2, 3, 4]), _bytes(5000)]:
			check_eq(out.put_packet(packet), OK, kind + ": put_packet")
		for size in [1, 3, 5000]:
			spin_until(func() -> bool: return back.get_available_packet_count() > 0, kind + ": a packet")
			check_eq(back.get_packet().size(), size, kind + ": the packet's size")
		out.put_var({"a": [1, 2]})
		spin_until(func() -> bool: return back.get_available_packet_count() > 0, kind + ": a variant")
		check_eq(back.get_var(), {"a": [1, 2]}, kind + ": the variant")
		check_eq(back.get_available_packet_count(), 0, kind + ": no more packets")


func test_packet_peer_stream_joins_fragments() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var back := PacketPeerStream.new()
		back.stream_peer = pair.served
		# The wire format of two packets, a length and the bytes each, sent in pieces across their
		# borders.
		var wire := StreamPeerBuffer.new()
		for packet: PackedByteArray in [_bytes(300), _bytes(70)]:
			wire.put_u32(packet.size())
			wire.put_data(packet)
		var bytes := wire.data_array
		var at := 0
		while at < bytes.size():
			pair.client.put_data(bytes.slice(at, at + 37))
			at += 37
			back.get_available_packet_count()
		var sizes := []
		for i in 2:
			spin_until(func() -> bool: return back.get_available_packet_count() > 0, kind + ": a packet")
			sizes.append(back.get_packet().size())
		check_eq(sizes, [300, 70], kind + ": the packets' sizes")


func test_tls_works_over_a_peer() -> void:
	if _lacks_tls():
		return
	var crypto := Crypto.new()
	var key := crypto.generate_rsa(2048)
	var certificate := crypto.generate_self_signed_certificate(key, "CN=localhost,O=Tests,C=DE")
	for kind: String in family.kinds():
		var pair := link(kind)
		var server := StreamPeerTLS.new()
		check_eq(server.accept_stream(pair.served, TLSOptions.server(key, certificate)), OK,
				kind + ": accept_stream")
		var client := StreamPeerTLS.new()
		var trust := TLSOptions.client(certificate, "localhost")
		check_eq(client.connect_to_stream(pair.client, "localhost", trust), OK,
				kind + ": connect_to_stream")
		spin_until(func() -> bool:
			client.poll()
			server.poll()
			return (client.get_status() != StreamPeerTLS.STATUS_HANDSHAKING
					and server.get_status() != StreamPeerTLS.STATUS_HANDSHAKING), kind + ": the handshake")
		check_eq(client.get_status(), StreamPeerTLS.STATUS_CONNECTED, kind + ": the client's status")
		check_eq(server.get_status(), StreamPeerTLS.STATUS_CONNECTED, kind + ": the server's status")
		client.put_utf8_string("geheim ✓")
		spin_until(func() -> bool:
			server.poll()
			return server.get_available_bytes() > 0, kind + ": the secret")
		check_eq(server.get_utf8_string(), "geheim ✓", kind + ": the secret")
		server.put_data(_bytes(5000))
		check_eq(client.get_data(5000), [OK, _bytes(5000)], kind + ": 5000 bytes back")
		# The connection below TLS is cut, without a TLS close.
		pair.served.disconnect_from_host()
		quietly(func() -> void: spin_until(func() -> bool:
			client.poll()
			return client.get_status() != StreamPeerTLS.STATUS_CONNECTED, kind + ": the cut to be noticed"))


func test_tls_handshake_fails_if_the_other_side_disconnects() -> void:
	if _lacks_tls():
		return
	var crypto := Crypto.new()
	var key := crypto.generate_rsa(2048)
	var certificate := crypto.generate_self_signed_certificate(key, "CN=localhost,O=Tests,C=DE")
	for kind: String in family.kinds():
		var pair := link(kind)
		var server := StreamPeerTLS.new()
		server.accept_stream(pair.served, TLSOptions.server(key, certificate))
		pair.client.disconnect_from_host()
		quietly(func() -> void: spin_until(func() -> bool:
			server.poll()
			return server.get_status() != StreamPeerTLS.STATUS_HANDSHAKING,
					kind + ": the handshake to fail"))
		check(server.get_status() != StreamPeerTLS.STATUS_CONNECTED, kind + ": not connected")


func test_http_client_works_over_a_peer() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var http := HTTPClient.new()
		http.connection = pair.client
		check_eq(http.get_status(), HTTPClient.STATUS_CONNECTED, kind + ": status")
		check_eq(http.request(HTTPClient.METHOD_GET, "/path", ["Host: test"]), OK, kind + ": request")
		check_eq(http.get_status(), HTTPClient.STATUS_REQUESTING, kind + ": status after the request")
		spin_until(func() -> bool:
			http.poll()
			return pair.served.get_available_bytes() > 0, kind + ": the request")
		var request := pair.served.get_utf8_string(pair.served.get_available_bytes())
		check(request.begins_with("GET /path HTTP/1.1\r\n"), kind + ": the request line")
		pair.served.put_data("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_ascii_buffer())
		spin_until(func() -> bool:
			http.poll()
			return http.get_status() != HTTPClient.STATUS_REQUESTING, kind + ": the response")
		check_eq(http.get_status(), HTTPClient.STATUS_BODY, kind + ": status with a response")
		check_eq(http.get_response_code(), 200, kind + ": the response code")
		var body := PackedByteArray()
		while body.size() < 5 and http.get_status() == HTTPClient.STATUS_BODY:
			body.append_array(http.read_response_body_chunk())
		check_eq(body.get_string_from_ascii(), "hello", kind + ": the body")


func _lacks_tls() -> bool:
	if quietly(func() -> Object: return ClassDB.instantiate("Crypto")) == null:
		skip("this engine has no TLS")
	return not skip_reason.is_empty()


func _bytes(count: int) -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(count)
	for i in count:
		bytes[i] = i * 7 & 255
	return bytes
