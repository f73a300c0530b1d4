extends "res://tests/support/test_case.gd"
## The HTTP client in `examples/` with nginx, over TCP, TLS and a Unix domain socket.

const HTTPClientExample := preload("res://examples/http_client.gd")
const WAYS := ["tcp", "tls", "uds"]
const LARGE := 64 << 20


func test_one_connection_serves_many_requests() -> void:
	for way: String in WAYS:
		var http := await _client(way)
		for i in 200:
			var response := await http.request("GET", "/small")
			if not check_eq([response.error, response.status, response.body.get_string_from_ascii()],
					[OK, 200, "small\n"],
					"%s: request %d" % [way, i]):
				break
		http.close()


func test_chunked_bodies_arrive_whole() -> void:
	var expected := ""
	for i in 10_000:
		expected += "line %d\n" % i
	for way: String in WAYS:
		var http := await _client(way)
		for i in 3:
			var response := await http.request("GET", "/chunked/lines")
			check_eq(response.headers.get("transfer-encoding"), "chunked", way + ": transfer-encoding")
			check_eq([response.error, response.body.size()], [OK, expected.length()], way + ": the body")
			check(response.body.get_string_from_ascii() == expected, way + ": the lines of the body")
		http.close()


func test_sixty_four_megabytes_arrive_unchanged() -> void:
	var expected := FileAccess.get_sha256(OS.get_environment("INTEROP_NGINX_LARGE"))
	for way: String in WAYS:
		var http := await _client(way)
		var hash := HashingContext.new()
		hash.start(HashingContext.HASH_SHA256)
		var size := [0]
		var response := await http.request("GET", "/large", {}, [], func(piece: PackedByteArray) -> void:
			size[0] += piece.size()
			hash.update(piece))
		check_eq([response.error, size[0]], [OK, LARGE], way + ": size")
		check_eq(hash.finish().hex_encode(), expected, way + ": SHA-256")
		http.close()


func test_responses_without_a_body_and_errors() -> void:
	for way: String in WAYS:
		var http := await _client(way)
		var response := await http.request("HEAD", "/large")
		check_eq([response.error, response.status, response.body.size()], [OK, 200, 0], way + ": HEAD")
		check_eq(response.headers.get("content-length"), str(LARGE), way + ": the size in its head")
		response = await http.request("GET", "/nothing")
		check_eq([response.error, response.status], [OK, 404], way + ": an unknown path")
		if way == "tls":
			continue
		response = await http.request("GET", "/small", {"Connection": "close"})
		check_eq([response.error, response.status, response.body.size()], [OK, 200, 6],
				way + ": the last response")
		response = await http.request("GET", "/small")
		check_eq(response.error, ERR_UNCONFIGURED, way + ": a request after the last response")


## A limit of the engine's TLS that docs/differences.md describes: data that arrives together with
## the end is lost, over the engine's own peers too. If this test fails, the engine has been fixed,
## and that page has to be changed.
func test_tls_of_the_engine_loses_data_that_arrives_with_the_end() -> void:
	for class_of_peer: String in ["StreamPeerTCP", "StreamPeerTCPRs"]:
		var tries := range(20)
		check(tries.any(
				func(_try: int) -> bool: return _loses_the_answer(ClassDB.instantiate(class_of_peer))),
				class_of_peer)


func _loses_the_answer(peer: StreamPeer) -> bool:
	peer.connect_to_host(LOOPBACK, OS.get_environment("INTEROP_NGINX_TLS_PORT").to_int())
	settle(peer)
	var tls := StreamPeerTLS.new()
	check_eq(tls.connect_to_stream(peer, "localhost", TLSOptions.client(_certificate())), OK,
			"connect_to_stream")
	spin_until(func() -> bool:
		tls.poll()
		return tls.get_status() != StreamPeerTLS.STATUS_HANDSHAKING, "the handshake")
	var request := "GET /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	tls.put_data(request.to_ascii_buffer())
	spin_until(func() -> bool: return peer.get_available_bytes() > 0, "the answer")
	# The end may arrive a moment later.
	OS.delay_msec(10)
	var received := PackedByteArray()
	mute(true)
	spin_until(func() -> bool:
		tls.poll()
		if tls.get_status() == StreamPeerTLS.STATUS_CONNECTED:
			received.append_array(tls.get_partial_data(65536)[1])
		return tls.get_status() != StreamPeerTLS.STATUS_CONNECTED, "the end")
	mute(false)
	return not received.get_string_from_ascii().ends_with("small\n")


func test_a_certificate_for_another_name_is_refused() -> void:
	var http := HTTPClientExample.new()
	# The engine prints an error.
	mute(true)
	var options := TLSOptions.client(_certificate(), "elsewhere.example")
	var error := await http.connect_to_host(LOOPBACK,
			OS.get_environment("INTEROP_NGINX_TLS_PORT").to_int(), options)
	mute(false)
	check(error != OK, "connect")


func _client(way: String) -> HTTPClientExample:
	var http := HTTPClientExample.new()
	var error := OK
	match way:
		"tcp":
			error = await http.connect_to_host("localhost",
					OS.get_environment("INTEROP_NGINX_PORT").to_int())
		"tls":
			var options := TLSOptions.client(_certificate())
			error = await http.connect_to_host("localhost",
					OS.get_environment("INTEROP_NGINX_TLS_PORT").to_int(), options)
		"uds":
			error = await http.connect_to_path(OS.get_environment("INTEROP_NGINX_PATH"))
	check_eq(error, OK, way + ": connect")
	return http


func _certificate() -> X509Certificate:
	var certificate := X509Certificate.new()
	certificate.load(OS.get_environment("INTEROP_CERTIFICATE"))
	return certificate
