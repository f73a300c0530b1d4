extends "res://tests/support/test_case.gd"
## The TLS client in `docs/recipes.md`, with the right server and wrong ones.

const PAGE := "../docs/recipes.md"
const HEADING := "\n## A TLS client\n"
const NAME := "CN=localhost,O=Example,C=DE"
const REFUSED := ("no secure connection: the certificate of localhost was refused, "
		+ "or the handshake failed")

var _key: CryptoKey
var _certificate: X509Certificate
var _certificate_path := ""
# The time limit of the client in seconds.
var _limit := 5.0


func test_it_gets_an_answer() -> void:
	if _lacks():
		return
	check_eq(await _printed(_certificate), "the answer", "it prints the answer")


func test_a_handshake_has_a_time_limit() -> void:
	if _lacks():
		return
	_limit = 0.5
	check_eq(await _printed(null), "no secure connection: the handshake took longer than 0.5 s",
			"a server that says nothing")


func test_other_certificates_are_refused() -> void:
	if _lacks():
		return
	var shown := [_certificate, _key]
	mute(true)
	# The client trusts another certificate now.
	_certify(NAME)
	check_eq(await _printed(shown[0], shown[1]), REFUSED,
			"a certificate that the client does not know")
	_certify("CN=elsewhere,O=Example,C=DE")
	check_eq(await _printed(_certificate), REFUSED, "a certificate for another name")
	mute(false)


func test_a_missing_server_or_certificate_is_named() -> void:
	if _lacks():
		return
	var address := [""]
	# No other process shall listen at the port.
	var keeper := StreamPeerTCPRs.new()
	var printed := await _printed(_certificate, _key, func(server: TCPServerRs) -> void:
		var port := server.get_local_port()
		address[0] = "127.0.0.1:%d" % port
		server.stop()
		keeper.bind(port, LOOPBACK))
	check_eq(printed, "no secure connection: connect %s: connection refused" % address[0], "no server")
	DirAccess.remove_absolute(_certificate_path)
	mute(true)
	check_eq(await _printed(_certificate), "cannot read " + _certificate_path, "no certificate")
	mute(false)


# Whether the page or TLS is missing. Otherwise there is a certificate now.
func _lacks() -> bool:
	if quietly(func() -> Object: return ClassDB.instantiate("Crypto")) == null:
		skip("this engine has no TLS")
	elif _script().is_empty():
		skip("the documentation is not beside the project")
	else:
		_certify(NAME)
	return not skip_reason.is_empty()


func _script() -> String:
	var page := FileAccess.get_file_as_string(
			ProjectSettings.globalize_path("res://").path_join(PAGE))
	return page.get_slice(HEADING, 1).get_slice("```gdscript\n", 1).get_slice("```", 0)


# Makes a key and a certificate for it, which the client trusts.
func _certify(subject: String) -> void:
	var crypto: Crypto = ClassDB.instantiate("Crypto")
	_key = crypto.generate_rsa(2048)
	_certificate = crypto.generate_self_signed_certificate(_key, subject)
	_certificate_path = fresh_path("server.crt")
	check_eq(_certificate.save(_certificate_path), OK, "save the certificate")


# Runs the client with a server that has `certificate`, or sends nothing, and returns the first line
# that the client prints. `prepare` gets the server before the client starts.
func _printed(certificate: X509Certificate, key := _key, prepare := Callable()) -> String:
	var server := TCPServerRs.new()
	check_eq(server.listen(0, LOOPBACK), OK, "listen")
	var port := server.get_local_port()
	if prepare.is_valid():
		prepare.call(server)
	var client := _client(port)
	var accepted: Array[StreamPeerTCPRs] = []
	var tls := StreamPeerTLS.new()
	await until(func() -> bool:
		if server.is_connection_available():
			accepted.append(server.take_connection())
			if certificate != null:
				tls.accept_stream(accepted[0], TLSOptions.server(key, certificate))
		if tls.get_status() in [StreamPeerTLS.STATUS_HANDSHAKING, StreamPeerTLS.STATUS_CONNECTED]:
			tls.poll()
		if tls.get_status() == StreamPeerTLS.STATUS_CONNECTED and tls.get_available_bytes() > 0:
			check_eq(tls.get_partial_data(100)[1], "hello\n".to_ascii_buffer(), "what the client says")
			tls.put_data("the answer\n".to_ascii_buffer())
		return not client.printed.is_empty(), "the client prints something")
	var printed: String = "".join(PackedStringArray(client.printed))
	client.get_parent().remove_child(client)
	client.free()
	return printed


func _client(port: int) -> Node:
	var script := GDScript.new()
	script.source_code = (_script().replace("user://server.crt", _certificate_path)
			.replace("4000", str(port)).replace("5.0)", "%s)" % _limit).replace("print(", "_say("))
	script.source_code += ("\nvar printed := []\n\nfunc _say(a: Variant, b: Variant = \"\") -> void:\n"
			+ "\tprinted.append(str(a, b))\n")
	check_eq(script.reload(), OK, "the script compiles")
	var client: Node = script.new()
	(Engine.get_main_loop() as SceneTree).root.add_child(client)
	return client
