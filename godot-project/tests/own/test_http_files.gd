extends "res://tests/support/http_case.gd"
## `HTTPServerRs.serve_files` and `HTTPServerRequestRs.respond_file`.


## A folder with some files, and a secret beside it.
func _folder() -> String:
	var folder := fresh_path("site")
	DirAccess.make_dir_recursive_absolute(folder.path_join("sub dir"))
	_write(folder.path_join("index.html"), "<p>index</p>")
	_write(folder.path_join("a.txt"), "0123456789")
	_write(folder.path_join("sub dir/index.html"), "sub")
	_write(folder.path_join("sub dir/\u00e4.js"), "js")
	_write(folder.path_join("empty.bin"), "")
	_write(folder.path_join(".hidden"), "secret")
	_write(folder.get_base_dir().path_join("secret.txt"), "secret")
	return folder


func _write(path: String, text: String) -> void:
	var file := FileAccess.open(path, FileAccess.WRITE)
	file.store_string(text)


func _serving(folder: String) -> HTTPServerRs:
	var server := serve()
	check_eq(server.serve_files("/", folder), OK, "serve_files")
	return server


func test_files_have_types_and_folders_have_an_index() -> void:
	var server := _serving(_folder())
	for row: Array in [
		["/", "<p>index</p>", "text/html; charset=utf-8"],
		["/index.html?x=1", "<p>index</p>", "text/html; charset=utf-8"],
		["/a.txt", "0123456789", "text/plain; charset=utf-8"],
		["/%61.txt", "0123456789", "text/plain; charset=utf-8"],
		["/sub%20dir/", "sub", "text/html; charset=utf-8"],
		["/sub%20dir/%C3%A4.js", "js", "text/javascript; charset=utf-8"],
		["/empty.bin", "", "application/octet-stream"],
	]:
		var answer := ask(server, request_text("GET " + row[0]))
		check_eq([status_of(answer), body_of(answer)], [200, row[1]], row[0])
		check_eq(header_of(answer, "content-type"), row[2], row[0] + ": type")
		check_eq(header_of(answer, "content-length"), str(row[1].length()), row[0] + ": length")
		var head := ask(server, request_text("HEAD " + row[0]))
		check_eq([status_of(head), body_of(head)], [200, ""], "HEAD " + row[0])
		check_eq(header_of(head, "content-length"), str(row[1].length()), "HEAD: length")
	var moved := ask(server, request_text("GET /sub%20dir"))
	check_eq([status_of(moved), header_of(moved, "location")], [308, "/sub%20dir/"], "a folder")
	var posted := ask(server, request_text("POST /a.txt"))
	check_eq([status_of(posted), header_of(posted, "allow")], [405, "GET, HEAD"], "POST")


func test_a_fast_client_of_a_large_file_does_not_hold_up_a_poll() -> void:
	var folder := _folder()
	var file := FileAccess.open(folder.path_join("large.bin"), FileAccess.WRITE)
	file.seek((256 << 20) - 1)
	file.store_8(1)
	file.close()
	var server := _serving(folder)
	var client := connected_to(server)
	client.peer.put_data("GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n".to_ascii_buffer())
	var count: Array[int] = [0]
	var ends: Array[bool] = [false]
	# It takes what comes while the server sends.
	var reader := in_thread(func() -> void:
		while not ends[0]:
			client.peer.poll()
			count[0] += client.peer.receive().size())
	var polls: Array[int] = [0]
	spin_until(func() -> bool:
		server.poll()
		polls[0] += 1
		OS.delay_msec(10)
		# A MiB, the rest of a block, and the head.
		check(count[0] <= polls[0] * (1100 << 10), "%d bytes in %d polls" % [count[0], polls[0]])
		return count[0] > 8 << 20, "8 MiB of it")
	ends[0] = true
	join(reader, "the reader")
	server.stop()


func test_a_file_needs_a_status_that_has_a_body() -> void:
	var folder := _folder()
	var words := []
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		quietly(func() -> void:
			words.append(request.respond_file(folder.path_join("a.txt"), 204)))
		words.append(request.get_last_error_message())
		request.respond(204))
	check_eq(status_of(ask(server, request_text("GET /"))), 204, "the next answer")
	check_eq(words, [ERR_INVALID_PARAMETER,
			"respond_file: response with status 204 has no body"], "words")


func test_no_path_leads_out_of_the_folder() -> void:
	var folder := _folder()
	var server := serve()
	server.serve_files("/files", folder)
	check_eq(body_of(ask(server, request_text("GET /files/a.txt"))), "0123456789", "a file")
	for path: String in ["/files/../secret.txt", "/files/..%2fsecret.txt", "/files/%2e%2e/secret.txt",
			"/files/.%2E/secret.txt", "/files/sub%20dir/../../secret.txt", "/files/..\\secret.txt",
			"/files/%2e%2e%5csecret.txt", "/files//etc/passwd", "/files/%2fetc/passwd",
			"/files/.hidden", "/files/%2ehidden", "/files/a.txt%00", "/files/a.txt/",
			"/files/a.txt%2f", "/files/./a.txt", "/files/none", "/files/C:/a.txt",
			"/files/%252e%252e/secret.txt", "/files/..", "/files/%", "/filesa.txt", "/files",
			"/a.txt", "/files/...", "/files/%c0%ae%c0%ae/secret.txt",
			"/files/file:///etc/passwd", "/files/res://project.godot", "/files/user://a",
			"//etc/passwd", "/files/sub dir".replace(" ", "%20") + "/../index.html"]:
		var answer := ask(server, request_text("GET " + path))
		check_eq(status_of(answer), 404, path)
		check(not answer.contains("secret"), path)


func test_links_are_followed() -> void:
	if OS.has_feature("windows"):
		return skip("links need a privilege on Windows")
	var folder := _folder()
	var secret := folder.get_base_dir().path_join("secret.txt")
	check_eq(OS.execute("ln", ["-s", secret, folder.path_join("link.txt")]), 0, "ln")
	var server := _serving(folder)
	check_eq(body_of(ask(server, request_text("GET /link.txt"))), "secret", "as documented")
	DirAccess.remove_absolute(folder.path_join("link.txt"))


func test_clients_get_parts_and_keep_what_they_have() -> void:
	var server := _serving(_folder())
	# The time of a file that was just written does not tell its versions apart.
	var newest := header_of(ask(server, request_text("GET /a.txt")), "etag")
	check(newest in ["\"%s\"" % "0123456789".md5_text(), _etag_of_time(newest)], newest)
	spin_until(func() -> bool:
		newest = header_of(ask(server, request_text("GET /a.txt")), "etag")
		return newest == _etag_of_time(newest), "the time to tell")
	var whole := ask(server, request_text("GET /a.txt"))
	var etag := header_of(whole, "etag")
	check_eq(etag, _etag_of_time(etag), "the tag")
	check_eq(header_of(whole, "accept-ranges"), "bytes", "Accept-Ranges")
	for row: Array in [
		["Range: bytes=2-4", 206, "234", "bytes 2-4/10"],
		["Range: bytes=8-", 206, "89", "bytes 8-9/10"],
		["Range: bytes=-1", 206, "9", "bytes 9-9/10"],
		["Range: bytes=5-99", 206, "56789", "bytes 5-9/10"],
		["Range: bytes=0-0\r\nIf-Range: " + etag, 206, "0", "bytes 0-0/10"],
		["Range: bytes=0-0\r\nIf-Range: \"x\"", 200, "0123456789", ""],
		["Range: bytes=10-", 416, "", "bytes */10"],
		["Range: bytes=-0", 416, "", "bytes */10"],
		["Range: bytes=0-1,3-4", 200, "0123456789", ""],
		["Range: lines=0-1", 200, "0123456789", ""],
		["If-None-Match: " + etag, 304, "", ""],
		["If-None-Match: \"x\", W/%s" % etag, 304, "", ""],
		["If-None-Match: *", 304, "", ""],
		["If-None-Match: \"x\"", 200, "0123456789", ""],
	]:
		var answer := ask(server, request_text("GET /a.txt", row[0] + "\r\n"))
		check_eq([status_of(answer), body_of(answer)], [row[1], row[2]], row[0])
		check_eq(header_of(answer, "content-range"), row[3], row[0] + ": Content-Range")
	var head := ask(server, request_text("HEAD /a.txt", "Range: bytes=2-4\r\n"))
	check_eq([status_of(head), header_of(head, "content-length")], [200, "10"], "HEAD")


## `etag`, if it is made of a time and the length of 10 bytes.
func _etag_of_time(etag: String) -> String:
	return etag if etag.ends_with("-a\"") and etag.length() > 4 else ""


func test_a_large_file_that_was_just_written_has_no_tag() -> void:
	var folder := _folder()
	var path := folder.path_join("large.bin")
	var bytes := PackedByteArray()
	bytes.resize((4 << 20) + 1)
	FileAccess.open(path, FileAccess.WRITE).store_buffer(bytes)
	var server := _serving(folder)
	var head := ask(server, request_text("HEAD /large.bin"))
	# Nobody is to read it for a tag each time.
	check(header_of(head, "etag") == "" or System.is_over(_modified_msec(path), 2000), head)
	spin_until(func() -> bool:
		return header_of(ask(server, request_text("HEAD /large.bin")), "etag") != "", "the time to tell")
	DirAccess.remove_absolute(path)


## When a file was written, as `Time.get_ticks_msec` counts.
func _modified_msec(path: String) -> int:
	var age := Time.get_unix_time_from_system() - FileAccess.get_modified_time(path)
	return Time.get_ticks_msec() - int(age * 1000)


func test_large_files_arrive_whole_and_in_order() -> void:
	var folder := _folder()
	var bytes := PackedByteArray()
	bytes.resize(3_000_000)
	for i in range(0, bytes.size(), 4):
		bytes.encode_u32(i, i * 2654435761)
	var file := FileAccess.open(folder.path_join("large.bin"), FileAccess.WRITE)
	file.store_buffer(bytes)
	file.close()
	var server := _serving(folder)
	var client := connected_to(server)
	# The second request waits until the first is answered.
	client.send("GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
	client.send(request_text("GET /large.bin", "Range: bytes=1000000-\r\n"))
	spin_until(func() -> bool:
		client.step()
		return client.is_closed(), "the end")
	var got := client.received
	var start := got.get_string_from_ascii().find("\r\n\r\n") + 4
	check(got.slice(start, start + bytes.size()) == bytes, "the whole file")
	check(got.slice(-2_000_000) == bytes.slice(1_000_000), "a part of it")


func test_a_script_answers_with_files() -> void:
	var folder := _folder()
	var server := serve(func(request: HTTPServerRequestRs) -> void:
		if request.path == "/error":
			request.respond_file(folder.path_join("index.html"), 404, {"X-A": "b"})
		else:
			request.respond_file("res://project.godot", 200, {"Content-Type": "text/plain"}))
	var error := ask(server, request_text("GET /error", "Range: bytes=0-1\r\n"))
	check_eq([status_of(error), body_of(error)], [404, "<p>index</p>"], "with a status")
	check_eq([header_of(error, "x-a"), header_of(error, "etag")], ["b", ""], "headers")
	var project := ask(server, request_text("GET /project"))
	check_eq(header_of(project, "content-type"), "text/plain", "type")
	check_eq(body_of(project), FileAccess.get_file_as_string("res://project.godot"), "res://")


func test_folders_of_the_project_are_served() -> void:
	var server := serve()
	server.serve_files("/examples/", "res://examples")
	server.serve_files("/", "user://none")
	var answer := ask(server, request_text("GET /examples/http_client.gd"))
	check_eq(status_of(answer), 200, "a file")
	check_eq(body_of(answer), FileAccess.get_file_as_string("res://examples/http_client.gd"), "it")
	check_eq(status_of(ask(server, request_text("GET /index.html"))), 404, "no such folder")


func test_an_exported_game_serves_its_files() -> void:
	if not ClassDB.class_exists(&"PCKPacker"):
		return skip("this engine has no PCKPacker")
	var page := fresh_path("page.html")
	_write(page, "packed")
	var pack := fresh_path("game.pck")
	var packer: RefCounted = ClassDB.instantiate(&"PCKPacker")
	check_eq(packer.call(&"pck_start", pack), OK, "pck_start")
	for name: String in ["index.html", "a/index.html", "b.txt"]:
		packer.call(&"add_file", "res://packed_site/" + name, page)
	check_eq(packer.call(&"flush"), OK, "flush")
	check(ProjectSettings.load_resource_pack(pack), "load_resource_pack")
	var server := _serving("res://packed_site")
	for path: String in ["/", "/index.html", "/a/", "/b.txt"]:
		var answer := ask(server, request_text("GET " + path))
		check_eq([status_of(answer), body_of(answer)], [200, "packed"], path)
		# Files in a pack have no time.
		check_eq(header_of(answer, "etag"), "\"%s\"" % "packed".md5_text(), path + ": ETag")
	var part := ask(server, request_text("GET /b.txt", "Range: bytes=-2\r\n"))
	check_eq([status_of(part), body_of(part)], [206, "ed"], "a range")
	check_eq(status_of(ask(server, request_text("GET /a"))), 308, "a folder")
	check_eq(status_of(ask(server, request_text("GET /none"))), 404, "no such file")
	# Another pack replaces a file by one of the same length.
	var other_page := fresh_path("other.html")
	_write(other_page, "PACKED")
	var patch := fresh_path("patch.pck")
	var patcher: RefCounted = ClassDB.instantiate(&"PCKPacker")
	check_eq(patcher.call(&"pck_start", patch), OK, "pck_start")
	patcher.call(&"add_file", "res://packed_site/b.txt", other_page)
	check_eq(patcher.call(&"flush"), OK, "flush")
	var old_tag := "\"%s\"" % "packed".md5_text()
	var ask_with_tag := func() -> String:
		return ask(server, request_text("GET /b.txt", "If-None-Match: %s\r\n" % old_tag))
	check_eq(status_of(ask_with_tag.call()), 304, "the client has it")
	check(ProjectSettings.load_resource_pack(patch), "load_resource_pack")
	spin_until(func() -> bool: return status_of(ask_with_tag.call()) == 200, "the new file")
	var answer := ask(server, request_text("GET /b.txt"))
	check_eq(body_of(answer), "PACKED", "the new bytes")
	check_eq(header_of(answer, "etag"), "\"%s\"" % "PACKED".md5_text(), "the new tag")
