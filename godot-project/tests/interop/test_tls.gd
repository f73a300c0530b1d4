extends "res://tests/support/test_case.gd"
## The engine's StreamPeerTLS over our peers, with OpenSSL at the other end.

const Tool := preload("res://tests/interop/tool.gd")

const LINES := 5000


func test_a_tls_client_works_with_openssl() -> void:
	var peer := StreamPeerTCPRs.new()
	peer.connect_to_host(LOOPBACK, OS.get_environment("INTEROP_TLS_PORT").to_int())
	settle(peer)
	var tls := StreamPeerTLS.new()
	check_eq(tls.connect_to_stream(peer, "localhost", TLSOptions.client(_certificate())), OK,
			"connect_to_stream")
	if not _shakes_hands(tls):
		return
	var received := PackedByteArray()
	for i in 100:
		tls.put_data(("line %d\n" % i).to_ascii_buffer())
	var expected := ""
	for i in 100:
		expected += ("line %d" % i).reverse() + "\n"
	spin_until(func() -> bool:
		tls.poll()
		received.append_array(tls.get_partial_data(65536)[1])
		return received.size() >= expected.length(), "the answers")
	check_eq(received.get_string_from_ascii(), expected, "each line, reversed")
	tls.disconnect_from_stream()


func test_a_tls_server_works_with_openssl() -> void:
	var server := TCPServerRs.new()
	server.listen(0, LOOPBACK)
	var client := Tool.start("openssl",
			["s_client", "-quiet", "-connect", "127.0.0.1:%d" % server.get_local_port(), "-CAfile",
			OS.get_environment("INTEROP_CERTIFICATE"), "-verify_return_error", "-verify_hostname",
			"localhost", "-servername", "localhost"])
	spin_until(server.is_connection_available, "openssl to connect")
	var peer := server.take_connection()
	var key := CryptoKey.new()
	key.load(OS.get_environment("INTEROP_KEY"))
	var tls := StreamPeerTLS.new()
	check_eq(tls.accept_stream(peer, TLSOptions.server(key, _certificate())), OK, "accept_stream")
	if not _shakes_hands(tls):
		return client.stop()
	client.put_line("hello")
	var received := PackedByteArray()
	spin_until(func() -> bool:
		tls.poll()
		received.append_array(tls.get_partial_data(100)[1])
		return received.size() >= 6, "a line")
	check_eq(received.get_string_from_ascii(), "hello\n", "the line")
	var reader := in_thread(func() -> int:
		var right := 0
		for i in LINES:
			right += int(client.line() == "line %d" % i)
		return right)
	for i in LINES:
		if not check_eq(tls.put_data(("line %d\n" % i).to_ascii_buffer()), OK, "line %d" % i):
			break
	check_eq(join(reader, "openssl"), LINES, "received lines")
	tls.disconnect_from_stream()
	peer.disconnect_from_host()
	spin_until(func() -> bool: return not client.is_running(), "openssl to end")


func _shakes_hands(tls: StreamPeerTLS) -> bool:
	spin_until(func() -> bool:
		tls.poll()
		return tls.get_status() != StreamPeerTLS.STATUS_HANDSHAKING, "the handshake")
	return check_eq(tls.get_status(), StreamPeerTLS.STATUS_CONNECTED, "status")


func _certificate() -> X509Certificate:
	var certificate := X509Certificate.new()
	certificate.load(OS.get_environment("INTEROP_CERTIFICATE"))
	return certificate
