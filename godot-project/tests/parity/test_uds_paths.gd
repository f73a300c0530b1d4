extends "res://tests/support/test_case.gd"
## Tests of the paths of Unix domain sockets.

# The longest path that the engine accepts: one byte less than the 107 that fit before the
# terminator.
const LONGEST := 106


func test_an_empty_path_is_refused() -> void:
	if lacks_uds():
		return
	var peer: StreamPeer = family.uds_peer()
	check_eq(quietly(func() -> int: return peer.connect_to_host("")), ERR_INVALID_PARAMETER,
			"connect_to_host")
	check_eq(peer.get_status(), STATUS_NONE, "status")
	check_eq(quietly(func() -> int: return family.uds_server().listen("")), ERR_INVALID_PARAMETER,
			"listen")
	check_eq(quietly(func() -> int: return family.uds_peer().bind("")), ERR_INVALID_PARAMETER, "bind")


func test_a_connect_to_a_path_without_a_server_fails() -> void:
	if lacks_uds():
		return
	var file := fresh_path("plain")
	FileAccess.open(file, FileAccess.WRITE).store_string("not a socket")
	for path: String in [fresh_path("missing"), file, file.get_base_dir(), "/nowhere/at/all"]:
		var peer: StreamPeer = family.uds_peer()
		check_eq(quietly(func() -> int: return peer.connect_to_host(path)), FAILED, "connect to " + path)
		check_eq(peer.get_status(), STATUS_NONE, "status after " + path)
		check_eq(peer.get_connected_path(), "", "path after " + path)
	check_eq(FileAccess.get_file_as_string(file), "not a socket", "the file is untouched")


func test_listen_does_not_replace_files_and_folders() -> void:
	if lacks_uds():
		return
	var file := fresh_path("plain")
	FileAccess.open(file, FileAccess.WRITE).store_string("not a socket")
	for path: String in [file, file.get_base_dir(), "/nowhere/at/all"]:
		var server: RefCounted = family.uds_server()
		check_eq(quietly(func() -> int: return server.listen(path)), ERR_ALREADY_IN_USE,
				"listen on " + path)
		check_eq(server.is_listening(), false, "is_listening after " + path)
		check_eq(server.listen(fresh_path()), OK, "a valid path after " + path)
		server.stop()
	check_eq(FileAccess.get_file_as_string(file), "not a socket", "the file is untouched")


func test_the_longest_path_works() -> void:
	if lacks_uds():
		return
	var end := Endpoint.new()
	check_eq(end.open(family, "uds", _path_of_length(LONGEST)), OK, "listen")
	var client := dial(end)
	check_eq(client.get_status(), STATUS_CONNECTED, "status")
	check_eq(client.get_connected_path(), end.path, "path")
	client.put_u8(4)
	check_eq(accept(end).get_u8(), 4, "a byte")


func test_a_path_that_is_too_long_is_refused() -> void:
	if lacks_uds():
		return
	for length in [109, 200, 5000]:
		var path := _path_of_length(length)
		var peer: StreamPeer = family.uds_peer()
		check_eq(quietly(func() -> int: return peer.connect_to_host(path)), FAILED,
				"connect, %d bytes" % length)
		check_eq(peer.get_status(), STATUS_NONE, "status, %d bytes" % length)
		check_eq(quietly(func() -> int: return family.uds_server().listen(path)), ERR_ALREADY_IN_USE,
				"listen, %d bytes" % length)
		check_eq(quietly(func() -> int: return family.uds_peer().bind(path)), ERR_INVALID_PARAMETER,
				"bind, %d bytes" % length)


func test_a_path_can_have_characters_beyond_ascii() -> void:
	if lacks_uds():
		return
	var end := Endpoint.new()
	check_eq(end.open(family, "uds", fresh_path("söckel-⚡")), OK, "listen")
	var client := dial(end)
	client.put_u8(4)
	check_eq(accept(end).get_u8(), 4, "a byte")


func test_listen_replaces_a_stale_socket_file() -> void:
	if lacks_uds():
		return
	# Our own peers remove their files, so another process makes the stale one.
	var path := fresh_path()
	if (OS.has_feature("windows")
			or OS.execute("python3",
			["-c", "import socket,sys;socket.socket(socket.AF_UNIX).bind(sys.argv[1])", path]) != 0):
		return skip("making a stale socket file needs python3")
	var end := Endpoint.new()
	check_eq(end.open(family, "uds", path), OK, "listen over a stale file")
	var client := dial(end)
	check_eq(client.get_status(), STATUS_CONNECTED, "status")
	var late: StreamPeer = family.uds_peer()
	end.server.stop()
	check_eq(quietly(func() -> int: return late.connect_to_host(path)), FAILED, "after stop")


func test_a_uds_peer_can_connect_again_after_an_error() -> void:
	if lacks_uds():
		return
	var pair := reset_link("uds")
	if pair == null:
		return skip("this system does not reset Unix domain sockets")
	reaches(pair.client, STATUS_ERROR, "the reset")
	check_eq(pair.endpoint.connect_peer(pair.client), OK, "connect in STATUS_ERROR")
	check_eq(pair.client.get_status(), STATUS_CONNECTED, "status")


func _path_of_length(length: int) -> String:
	var path := fresh_path("x")
	return path + "y".repeat(length - path.length())
