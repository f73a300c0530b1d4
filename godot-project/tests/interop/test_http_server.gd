extends "res://tests/support/http_case.gd"
## `HTTPServerRs` with curl, Python's http.client and aiohttp, Node's fetch, and nginx as a proxy.

const Tool := preload("res://tests/interop/tool.gd")

const LARGE := 64 << 20

var _listeners: Array[HTTPServerRequestRs] = []
var _sockets: Array[WebSocketPeerRs] = []


func test_curl_gets_heads_parts_and_old_versions() -> void:
	var server := _server()
	var path := fresh_path("file.txt")
	FileAccess.open(path, FileAccess.WRITE).store_string("0123456789")
	server.serve_files("/files", path.get_base_dir())
	var url := _url(server) + "/files/file.txt"
	check_eq(_curl(server, ["-r", "2-5", url]), "2345", "a range")
	check_eq(_curl(server, ["-C", "8", url]), "89", "the rest of a download")
	var head := _curl(server, ["-I", url])
	check_eq([status_of(head), header_of(head, "content-length")], [200, "10"], head)
	var old := _curl(server, ["-i", "--http1.0", url])
	check_eq([status_of(old), header_of(old, "connection"), body_of(old)],
			[200, "close", "0123456789"], old)
	var etag := fresh_path("etag")
	check_eq(_curl(server, ["--etag-save", etag, url]), "0123456789", "with its tag")
	check_eq(_curl(server, ["--etag-compare", etag, "-w", "%{http_code}", url]), "304", "unchanged")
	check_eq(_curl(server, ["--path-as-is", url + "/../../../../etc/passwd", "-o", "/dev/null", "-w",
			"%{http_code}"]), "404", "out of the folder")
	check_eq(_curl(server, ["-w", "%{num_connects}", "-o", "/dev/null", "-o", "/dev/null", url, url]),
			"10", "one connection for two requests")


## A new file of LARGE bytes.
func _large_file() -> String:
	var path := fresh_path("large")
	var file := FileAccess.open(path, FileAccess.WRITE)
	var block := PackedByteArray()
	block.resize(1 << 20)
	for i in LARGE >> 20:
		block.fill(i)
		file.store_buffer(block)
	file.close()
	return path


func test_curl_uploads() -> void:
	var server := _server()
	server.max_body_bytes = LARGE
	var path := _large_file()
	var sha256 := FileAccess.get_sha256(path)
	var url := _url(server) + "/sha256"
	check_eq(_curl(server, ["-T", path, url]), sha256, "64 MiB, after 100 Continue")
	check_eq(_curl(server, ["-T", path, "-H", "Transfer-Encoding: chunked", "-H", "Expect:", url]),
			sha256, "in chunks")
	server.max_body_bytes = LARGE - 1
	check_eq(_curl(server, ["-T", path, url, "-o", "/dev/null", "-w", "%{http_code} %{size_upload}"]),
			"413 0", "one byte too many is refused before it is sent")


func test_curl_uploads_what_the_script_takes_as_it_arrives() -> void:
	var server := _server()
	server.max_body_bytes = 0
	var path := _large_file()
	var sha256 := FileAccess.get_sha256(path)
	var url := _url(server) + "/upload"
	check_eq(_curl(server, ["-T", path, url]), sha256, "64 MiB, after 100 Continue")
	check_eq(_curl(server, ["-T", path, "-H", "Transfer-Encoding: chunked", "-H", "Expect:", url]),
			sha256, "in chunks")
	check_eq(_curl(server, ["-T", path, "--limit-rate", "40M", "-w", " %{num_connects}", url, "-T",
			path, url]), sha256 + " 1" + sha256 + " 0", "two on one connection")
	var written := ["-w", "%{http_code} %{size_upload}"]
	check_eq(_curl(server, ["-T", path, _url(server) + "/refuse"] + written), "no401 0",
			"refused by the handler before it is sent")
	check_eq(_curl(server, ["-T", path, "-H", "Expect:", _url(server) + "/refuse"] + written).left(6),
			"no401 ", "and while it is sent")
	server.route_upload("", "/small", func(_request: HTTPServerRequestRs) -> void: pass, LARGE - 1)
	check_eq(_curl(server, ["-T", path, _url(server) + "/small", "-o", "/dev/null"] + written),
			"413 0", "one byte too many is refused before it is sent")


func test_curl_uses_a_unix_domain_socket() -> void:
	var server := _server()
	server.stop()
	var path := fresh_path()
	check_eq(server.listen_unix(path), OK, "listen_unix")
	check_eq(_curl(server, ["--unix-socket", path, "-d", "hello", "http://localhost/echo"]),
			"hello", "the answer")


func test_curl_speaks_https() -> void:
	var server := _server()
	var crypto := Crypto.new()
	var key := crypto.generate_rsa(2048)
	server.tls_options = TLSOptions.server(key, crypto.generate_self_signed_certificate(key))
	server.max_body_bytes = 4 << 20
	var path := fresh_path("upload")
	var bytes := PackedByteArray()
	bytes.resize(4 << 20)
	for i in range(0, bytes.size(), 4):
		bytes.encode_u32(i, i * 2654435761)
	FileAccess.open(path, FileAccess.WRITE).store_buffer(bytes)
	server.serve_files("/files", path.get_base_dir())
	var url := _url(server).replace("http:", "https:")
	check_eq(_curl(server, ["-k", "-d", "hello", url + "/echo"]), "hello", "the answer")
	check_eq(_curl(server, ["-k", "-T", path, url + "/sha256"]), FileAccess.get_sha256(path),
			"4 MiB, after 100 Continue")
	server.max_body_bytes = 0
	check_eq(_curl(server, ["-k", "-T", path, url + "/upload"]), FileAccess.get_sha256(path),
			"4 MiB, taken as they arrive")
	var copy := fresh_path("download")
	check_eq(_curl(server, ["-k", "-o", copy, "-o", "/dev/null", "-w", "%{num_connects}",
			url + "/files/" + path.get_file(), url + "/files/" + path.get_file()]), "10",
			"one connection for two requests")
	check_eq(FileAccess.get_sha256(copy), FileAccess.get_sha256(path), "4 MiB")
	check(_run(server, "curl", ["-sS", "-m", "10", _url(server)]).is_empty(), "without TLS")


func test_python_keeps_a_connection_and_sends_chunks() -> void:
	var server := _server()
	var expected := range(200).map(func(number: int) -> Array:
		return [200.0, float(number) if number % 3 == 1 else 0.0])
	check_eq(_script(server, "python-web", ["http_peer.py", "keep_alive"]), [expected, true],
			"keep_alive")
	check_eq(_script(server, "python-web", ["http_peer.py", "chunked"]), ["chunked", true, 100_000.0],
			"chunked")


func test_python_speaks_https() -> void:
	var server := _server()
	var crypto := Crypto.new()
	var key := crypto.generate_rsa(2048)
	var certificate := crypto.generate_self_signed_certificate(key)
	server.tls_options = TLSOptions.server(key, certificate)
	server.max_body_bytes = 4 << 20
	var path := fresh_path("server.crt")
	certificate.save(path)
	check_eq(_script(server, "python-web", ["http_peer.py", "secure", path]),
			[[[200.0, true, false], [200.0, true, false], [200.0, true, false], [200.0, true, false]],
			true], "secure")


func test_aiohttp_has_many_connections_and_a_websocket() -> void:
	var server := _server()
	check_eq(_script(server, "python-web", ["http_peer.py", "parallel"]),
			[true, 300.0, "hello", 1000.0], "parallel")
	check_eq(_script(server, "python-web", ["http_peer.py", "events"]), ["text/event-stream",
			["event: tick", "id: 1", "data: 1", "", "event: tick", "id: 2", "data: 2", ""]], "events")


func test_node_fetches() -> void:
	# Debian's Node finds a part of itself only in the folder that it was built for.
	if OS.execute("node", ["--version"]) != 0:
		return skip("Node is not installed")
	var server := _server()
	check_eq(_script(server, "node", ["http_peer.mjs"]), [true, 100_000.0, 99.0, "event: tick", 304.0],
			"fetch")
	spin_until(func() -> bool:
		server.poll()
		return not _listeners.any(func(it: HTTPServerRequestRs) -> bool: return it.is_open()),
				"the aborted stream to be noticed")


func test_nginx_passes_requests_on() -> void:
	var server := _server()
	server.allowed_hosts = PackedStringArray(["game.example"])
	var folder := fresh_path("nginx")
	DirAccess.make_dir_recursive_absolute(folder)
	var socket := folder.path_join("s")
	FileAccess.open(folder.path_join("nginx.conf"), FileAccess.WRITE).store_string("""
daemon off; master_process off; pid nginx.pid; error_log stderr;
events { worker_connections 100; }
http {
	access_log off;
	client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp;
	uwsgi_temp_path temp; scgi_temp_path temp;
	upstream game { server 127.0.0.1:%d; keepalive 4; }
	map $http_upgrade $connection_header { default upgrade; '' ''; }
	server {
		listen unix:%s;
		location / {
			proxy_pass http://game; proxy_http_version 1.1; proxy_set_header Host $host;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $connection_header;
			proxy_buffering off;
		}
	}
}
""" % [server.get_local_port(), socket])
	var nginx := Tool.start("nginx", ["-e", "stderr", "-p", folder, "-c", "nginx.conf"])
	if not spin_until(func() -> bool: return exists(socket), "nginx"):
		nginx.stop()
		return
	var through := ["--unix-socket", socket]
	for i in 10:
		check_eq(_curl(server, through + ["-d", "hello %d" % i, "http://game.example/echo"]),
				"hello %d" % i, "a request")
	check_eq(server.get_connection_count(), 1, "nginx keeps its connection")
	check_eq(_curl(server, through + ["http://evil.example/echo", "-o", "/dev/null", "-w",
			"%{http_code}"]), "421", "another host")
	var events := _curl(server, through + ["-N", "-m", "1", "http://game.example/events"])
	check(events.begins_with("event: tick\nid: 1\ndata: 1\n\nevent: tick\n"), events)
	var stream := StreamPeerUDSRs.new()
	stream.connect_to_host(socket)
	var websocket := WebSocketPeerRs.new()
	websocket.connect_to_stream(stream, "ws://game.example/socket")
	spin_until(func() -> bool:
		_step(server)
		websocket.poll()
		if websocket.get_ready_state() == WebSocketPeerRs.STATE_OPEN and _sockets.size() > 0:
			websocket.send_text("hello")
			return true
		return false, "the WebSocket to be open")
	spin_until(func() -> bool:
		_step(server)
		websocket.poll()
		return websocket.get_available_packet_count() > 0, "an echo")
	check_eq(websocket.get_packet().get_string_from_utf8(), "hello", "the echo")
	websocket.close()
	spin_until(func() -> bool:
		_step(server)
		websocket.poll()
		return websocket.get_ready_state() == WebSocketPeerRs.STATE_CLOSED, "the close")
	check_eq(websocket.get_close_code(), 1000, "its code")
	nginx.stop()
	OS.execute("rm", ["-f", socket])


func test_h11_agrees_about_random_streams() -> void:
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		request.respond(200, "", {"X-Request": "%s %s %s" % [request.method, request.target,
				request.body.hex_encode()]}))
	server.allowed_hosts = PackedStringArray(["*"])
	var result: Array = _script(server, "python-web", ["h11_streams.py", "3000"])
	print("same %d, requests %d, differences %s" % result.slice(0, 3))
	check(result[0] > 1000 and result[1] > 1000, "many are the same, and many are requests")
	check_eq(result[3], [], "%d differences without a reason in docs/web.md" % result[4])


func _server() -> HTTPServerRs:
	var server := serve()
	server.route("", "/echo", func(request: HTTPServerRequestRs) -> void:
		request.respond(200, request.body))
	server.route("", "/sha256", func(request: HTTPServerRequestRs) -> void:
		var hash := HashingContext.new()
		hash.start(HashingContext.HASH_SHA256)
		hash.update(request.body)
		request.respond(200, hash.finish().hex_encode()))
	server.route_upload("", "/upload", _on_upload, LARGE)
	server.route_upload("", "/refuse", func(request: HTTPServerRequestRs) -> void:
		request.respond(401, "no"), LARGE)
	server.route("POST", "/stream", func(request: HTTPServerRequestRs) -> void:
		request.start_stream()
		for i in range(0, request.body.size(), 777):
			request.write(request.body.slice(i, i + 777))
		request.finish())
	server.route("GET", "/events", func(request: HTTPServerRequestRs) -> void:
		_listeners.append(request)
		for i in 10:
			request.send_event(str(i + 1), "tick", str(i + 1)))
	server.route("GET", "/socket", func(request: HTTPServerRequestRs) -> void:
		_sockets.append(request.upgrade()))
	server.route("GET", "/file", func(request: HTTPServerRequestRs) -> void:
		request.respond_file("res://project.godot"))
	return server


func _on_upload(request: HTTPServerRequestRs) -> void:
	var hash := HashingContext.new()
	hash.start(HashingContext.HASH_SHA256)
	while request.is_receiving_body():
		await request.body_received
		var part := request.receive_body()
		if not part.is_empty():
			hash.update(part)
	request.respond(200, hash.finish().hex_encode())


## Polls the server, and echoes what its WebSockets get.
func _step(server: HTTPServerRs) -> void:
	server.poll()
	for socket in _sockets:
		socket.poll()
		while socket.get_available_packet_count() > 0:
			socket.send(socket.get_packet(), WebSocketPeerRs.WRITE_MODE_TEXT)


func _url(server: HTTPServerRs) -> String:
	return "http://127.0.0.1:%d" % server.get_local_port()


## What curl prints.
func _curl(server: HTTPServerRs, arguments: Array) -> String:
	return _run(server, "curl", ["-sS", "-m", "60"] + arguments)


## The JSON that a script beside this one prints.
func _script(server: HTTPServerRs, program: String, arguments: Array) -> Variant:
	arguments[0] = Tool.script(arguments[0])
	arguments.append(str(server.get_local_port()))
	var output := _run(server, program, arguments)
	var json := JSON.new()
	check_eq(json.parse(output), OK, output)
	return json.data


## Runs a program while the server is polled.
func _run(server: HTTPServerRs, program: String, arguments: Array) -> String:
	var tool := OS.get_environment("INTEROP_TOOLS").path_join(program)
	var path := tool if exists(tool) else program
	var thread := in_thread(func() -> String:
		var output := []
		OS.execute(path, PackedStringArray(arguments), output)
		return output[0])
	spin_until(func() -> bool:
		_step(server)
		return not thread.is_alive(), "%s %s" % [program, arguments], 90.0)
	return join(thread, program)
