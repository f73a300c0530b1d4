extends "res://tests/support/test_case.gd"
## Features of Unix domain sockets only: pairs, credentials, abstract names, and file permissions.


func test_create_pair_returns_two_connected_peers() -> void:
	if lacks_uds():
		return
	if OS.has_feature("windows"):
		return skip("Windows has no pairs")
	var pair := StreamPeerUDSRs.create_pair()
	check_eq(pair.size(), 2, "two ends")
	for i in 2:
		var one: StreamPeerUDSRs = pair[i]
		var other: StreamPeerUDSRs = pair[1 - i]
		check_eq(one.get_status(), STATUS_CONNECTED, "status")
		check_eq(one.get_connected_path(), "", "path")
		one.put_string("to the other")
		check_eq(other.get_string(), "to the other", "a string")
	var first: StreamPeerUDSRs = pair[0]
	pair.clear()
	check_eq(first.get_data(1)[0], ERR_FILE_EOF, "the end after the other peer is freed")
	var end := endpoint("uds")
	check_eq(end.connect_peer(first), OK, "an end of a pair connects like any peer")
	settle(first)
	check_eq(first.get_status(), STATUS_CONNECTED, "status")


func test_a_pair_connects_two_threads() -> void:
	if lacks_uds():
		return
	if OS.has_feature("windows"):
		return skip("Windows has no pairs")
	var pair := StreamPeerUDSRs.create_pair()
	var doubler := in_thread(func() -> void:
		for i in 100:
			pair[1].put_32(pair[1].get_32() * 2))
	for i in 100:
		pair[0].put_32(i)
		check_eq(pair[0].get_32(), i * 2, "the answer")
	join(doubler, "the thread")


func test_get_peer_credentials_returns_process_user_and_group() -> void:
	if lacks_uds():
		return
	var pair := link("uds")
	var peers := [pair.client, pair.served]
	# Windows has no pairs and no user numbers.
	var user := ["-1"]
	var group := ["-1"]
	if not OS.has_feature("windows"):
		peers.append_array(StreamPeerUDSRs.create_pair())
		user.clear()
		group.clear()
		OS.execute("id", ["-u"], user)
		OS.execute("id", ["-g"], group)
		check_eq(peers.size(), 4, "two connections")
	for peer: StreamPeerUDSRs in peers:
		check_eq(peer.get_peer_credentials(),
				{"pid": OS.get_process_id(), "uid": user[0].to_int(), "gid": group[0].to_int()},
				"the credentials")
	pair.client.disconnect_from_host()
	for peer: StreamPeerUDSRs in [StreamPeerUDSRs.new(), pair.client]:
		check_eq(peer.get_peer_credentials(), {}, "of a closed peer")
		check_eq(peer.get_last_error(), ERR_UNCONFIGURED, "get_last_error")


func test_a_server_can_listen_on_an_abstract_name() -> void:
	if lacks_uds():
		return
	if not OS.has_feature("linux"):
		return skip("only Linux has abstract names")
	var end := Endpoint.new()
	var name := fresh_abstract_name()
	check_eq(end.open(family, "uds", name), OK, "listen")
	check(not FileAccess.file_exists(name), "no file")
	var other := UDSServerRs.new()
	check_eq(quietly(func() -> int: return other.listen(name)), ERR_ALREADY_IN_USE, "a second server")
	var client := dial(end)
	settle(client)
	check_eq(client.get_connected_path(), name, "the path of the client")
	var served := accept(end)
	check_eq(served.get_connected_path(), name, "the path of the server's end")
	served.put_u8(1)
	check_eq(client.get_u8(), 1, "a byte")
	end.server.stop()
	check(quietly(func() -> int: return end.connect_peer(StreamPeerUDSRs.new())) != OK,
			"no server after stop")
	check_eq(end.reopen(), OK, "listen again")


func test_a_peer_can_be_bound_to_an_abstract_name() -> void:
	if lacks_uds():
		return
	if not OS.has_feature("linux"):
		return skip("only Linux has abstract names")
	var name := fresh_abstract_name()
	var peer := StreamPeerUDSRs.new()
	check_eq(peer.bind(name), OK, "bind")
	check_eq(StreamPeerUDSRs.new().bind(name), ERR_UNAVAILABLE, "bind to the same name")
	var end := endpoint("uds")
	end.connect_peer(peer)
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "status")


func test_an_abstract_name_is_free_after_a_disconnect() -> void:
	if lacks_uds():
		return
	if not OS.has_feature("linux"):
		return skip("only Linux has abstract names")
	var name := fresh_abstract_name()
	var end := endpoint("uds")
	for i in 3:
		var peer := StreamPeerUDSRs.new()
		check_eq(peer.bind(name), OK, "bind, round %d" % i)
		end.connect_peer(peer)
		settle(peer)
		var served := accept(end)
		peer.put_data("last words".to_utf8_buffer())
		# The other side stays open.
		peer.disconnect_from_host()
		check_eq(served.get_data(10), [OK, "last words".to_utf8_buffer()], "the bytes, round %d" % i)
	check_eq(UDSServerRs.new().listen(name), OK, "listen")


func test_paths_can_be_in_the_user_folder() -> void:
	if lacks_uds():
		return
	var path := "user://%s.sock" % System.unique_name()
	DirAccess.make_dir_recursive_absolute(OS.get_user_data_dir())
	if ProjectSettings.globalize_path(path).length() > 100:
		return skip("the user folder's path is too long for a socket")
	var end := Endpoint.new()
	check_eq(end.open(family, "uds", path), OK, "listen")
	check_eq(is_socket(ProjectSettings.globalize_path(path)), true, "the file")
	var client := dial(end)
	settle(client)
	check_eq(client.get_status(), STATUS_CONNECTED, "status")
	accept(end).put_u8(1)
	check_eq(client.get_u8(), 1, "a byte")
	end.server.stop()
	check_eq(exists(ProjectSettings.globalize_path(path)), false, "the file is removed")


func test_a_stale_file_is_reclaimed() -> void:
	if lacks_uds():
		return
	if OS.has_feature("windows"):
		return skip("a second name for a socket needs Unix")
	var path := fresh_path()
	# A server that is killed leaves its file behind.
	var end := Endpoint.new()
	end.open(family, "uds", path + "-old")
	check_eq(OS.execute("ln", [path + "-old", path]), 0, "a second name for the file")
	end.server.stop()
	check_eq(OS.execute("test", ["-S", path]), 0, "a file without a server")
	var again := Endpoint.new()
	check_eq(again.open(family, "uds", path), OK, "listen")
	var client := dial(again)
	settle(client)
	check_eq(client.get_status(), STATUS_CONNECTED, "status")


func test_listen_does_not_replace_a_regular_file() -> void:
	if lacks_uds():
		return
	var path := fresh_path()
	FileAccess.open(path, FileAccess.WRITE).store_string("precious")
	check(quietly(func() -> int: return UDSServerRs.new().listen(path)) != OK, "listen")
	check_eq(FileAccess.get_file_as_string(path), "precious", "the file")


func test_socket_mode_sets_the_permissions_of_the_file() -> void:
	if lacks_uds():
		return
	check_eq(UDSServerRs.new().socket_mode, -1, "the default")
	if OS.has_feature("windows"):
		return leave_out("files have no mode here")
	# 0600, 0660, 0777 and 0000: GDScript has no octal numbers.
	for mode: int in [384, 432, 511, 0]:
		var end := Endpoint.new()
		end.server = UDSServerRs.new()
		end.server.socket_mode = mode
		check_eq(end.open(family, "uds", fresh_path()), OK, "listen")
		check_eq(FileAccess.get_unix_permissions(end.path), mode, "permissions")


func test_socket_mode_is_ignored_for_an_abstract_name() -> void:
	if lacks_uds():
		return
	if not OS.has_feature("linux"):
		return skip("only Linux has abstract names")
	var end := Endpoint.new()
	end.server = UDSServerRs.new()
	end.server.socket_mode = 384
	check_eq(end.open(family, "uds", fresh_abstract_name()), OK, "listen")
	var client := dial(end)
	settle(client)
	check_eq(client.get_status(), STATUS_CONNECTED, "status")
