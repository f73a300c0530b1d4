extends "res://tests/support/test_case.gd"
## Many invalid calls leave no descriptor open, and every object stays usable.


func test_invalid_calls_leak_no_descriptor() -> void:
	if not OS.has_feature("linux"):
		return skip("descriptors can be counted on Linux")
	check_eq(_storm(), true, "every call came back")
	# The calls above have created everything that is created once and kept.
	var before := _descriptors()
	for round in 5:
		check_eq(_storm(), true, "every call came back")
	_drops_to(before)


func test_valid_calls_leak_no_descriptor() -> void:
	if not OS.has_feature("linux"):
		return skip("descriptors can be counted on Linux")
	for kind: String in family.kinds():
		link(kind)
	var before := _descriptors()
	for kind: String in family.kinds():
		for round in 20:
			var pair := link(kind)
			pair.served.put_u8(1)
			check_eq(pair.client.get_u8(), 1, kind + ": a byte")
			match round % 4:
				0: pair.client.disconnect_from_host()
				1: pair.served.disconnect_from_host()
				2: pair.endpoint.server.stop()
	_drops_to(before)


func test_numbers_out_of_range_change_no_property() -> void:
	# Every number is a seed, and every negative number leaves a file's permissions to the system.
	var exempt := ["seed", "socket_mode"]
	var count := 0
	for type in ClassDB.get_class_list():
		if not type.ends_with("Rs") or not ClassDB.can_instantiate(type):
			continue
		var object: Object = ClassDB.instantiate(type)
		for property in _own_properties(type):
			if property.name in exempt:
				continue
			var values: Array = []
			match property.type:
				TYPE_INT: values = [-5, -(1 << 62)]
				TYPE_FLOAT: values = [-5.0, NAN]
			for value: Variant in values:
				var before: Variant = object.get(property.name)
				quietly(func() -> void: object.set(property.name, value))
				var what := "%s.%s = %s" % [type, property.name, value]
				check_eq(object.get(property.name), before, what)
				if object.has_method("get_last_error"):
					var message: String = object.call("get_last_error_message")
					check_eq(object.call("get_last_error"), ERR_INVALID_PARAMETER, what)
					check(message.begins_with(property.name + ": "), what + ": " + message)
			count += 1 if values else 0
	check(count >= 30, "%d properties with numbers" % count)


func test_reads_of_huge_and_negative_sizes_keep_the_connection() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		for size in [-1, -(1 << 31), -(1 << 40)]:
			var got: Array = quietly(func() -> Array: return pair.client.get_data(size))
			check(got[0] != OK or size & 0xFFFFFFFF == 0, "%s: get_data(%d)" % [kind, size])
			quietly(func() -> Array: return pair.client.get_partial_data(size))
		# A request for a huge array while five bytes are available.
		pair.served.put_data([1, 2, 3, 4, 5])
		arrived(pair.client, 5)
		check_eq(pair.client.get_partial_data(256 << 20), [OK, PackedByteArray([1, 2, 3, 4, 5])],
				kind + ": a huge partial read")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")


func test_put_data_refuses_more_than_2_gib() -> void:
	# The engine passes a size in 32 bits, so 2 GiB arrive as a negative size.
	if OS.get_memory_info()["available"] < 6 << 30:
		return skip("this needs 6 GiB of free memory")
	var huge := PackedByteArray()
	if not check_eq(huge.resize(1 << 31), OK, "an array of 2 GiB"):
		return
	for kind: String in family.kinds():
		var pair := link(kind)
		for is_connected in [true, false]:
			pair.client.put_u8(1)
			check_eq(quietly(func() -> int: return pair.client.put_data(huge)), ERR_INVALID_PARAMETER,
					kind + ": put_data")
			check_eq(pair.client.get_last_error(), ERR_INVALID_PARAMETER, kind + ": get_last_error")
			check_eq(pair.client.get_last_error_message(),
					"put_data: size exceeds the limit of 2147483647 bytes",
					kind + ": the message")
			check_eq(pair.client.get_last_written_bytes(), 0, kind + ": get_last_written_bytes")
			var sent: Array = quietly(func() -> Array: return pair.client.put_partial_data(huge))
			check_eq(sent, [ERR_INVALID_PARAMETER, 0], kind + ": put_partial_data")
			check(pair.client.get_last_error_message().begins_with("put_partial_data: "),
					kind + ": which call")
			check_eq(pair.client.get_status(), STATUS_CONNECTED if is_connected else STATUS_NONE,
					kind + ": status")
			if is_connected:
				check_eq(pair.served.get_u8(), 1, kind + ": the byte before")
				check_eq(pair.served.get_available_bytes(), 0, kind + ": nothing of the array was sent")
			pair.client.disconnect_from_host()


func test_a_negative_length_from_the_other_side_reads_as_empty() -> void:
	for kind: String in family.kinds():
		for method in ["get_string", "get_utf8_string"]:
			var pair := link(kind)
			pair.served.put_32(-5)
			check_eq(quietly(func() -> String: return pair.client.call(method)), "",
					"%s: %s" % [kind, method])
			check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")


func test_malformed_addresses_are_refused() -> void:
	for text: String in ["\n", " ", "a b", "..", "-1", "%", "::ffff:", "0x7f.1", "１２７.0.0.1",
			"x".repeat(5000), "ä"]:
		var peer := StreamPeerTCPRs.new()
		check(quietly(func() -> int: return peer.bind(0, text)) != OK, "bind to '%s'" % text.left(20))
		check(quietly(func() -> int: return TCPServerRs.new().listen(0, text)) != OK,
				"listen on '%s'" % text.left(20))
		check_eq(peer.get_status(), STATUS_NONE, "status after '%s'" % text.left(20))


# A script error in one of the calls ends this function, which then does not return true.
func _storm() -> bool:
	mute(true)
	var directory := fresh_path().get_base_dir()
	var tcp := StreamPeerTCPRs.new()
	for port in [-1, 0, 65536, 1 << 40]:
		tcp.connect_to_host(LOOPBACK, port)
		tcp.bind(port - 1, LOOPBACK)
		tcp.disconnect_from_host()
		TCPServerRs.new().listen(port - 1, LOOPBACK)
	for host in ["", "*", "[::1]", "256.1.1.1", "255.255.255.255"]:
		tcp.connect_to_host(host, 80)
		tcp.disconnect_from_host()
		tcp.bind(0, host)
		tcp.bind(0, host)
		tcp.disconnect_from_host()
		TCPServerRs.new().listen(0, host)
	var server := TCPServerRs.new()
	server.listen(0, LOOPBACK)
	server.listen(0, LOOPBACK)
	TCPServerRs.new().listen(server.get_local_port(), LOOPBACK)
	tcp.bind(server.get_local_port(), LOOPBACK)
	tcp.connect_to_host(LOOPBACK, server.get_local_port())
	tcp.connect_to_host(LOOPBACK, server.get_local_port())
	_calls(tcp)
	tcp.disconnect_from_host()
	_calls(tcp)
	for path: String in ["", directory, "/nowhere/at/all", directory + "/" + "x".repeat(300),
			directory + "/missing"]:
		var uds := StreamPeerUDSRs.new()
		uds.connect_to_host(path)
		_calls(uds)
		uds.bind(path)
		uds.bind(path)
		_calls(uds)
		UDSServerRs.new().listen(path)
	mute(false)
	return tcp.get_status() == STATUS_NONE


func _calls(peer: StreamPeerSocketRs) -> void:
	peer.get_data(-1)
	peer.get_partial_data(-1)
	peer.get_partial_data(0)
	peer.put_data([])
	peer.put_partial_data([])
	peer.get_available_bytes()
	peer.poll()


# Lingering closes end in the background. Two more descriptors may be kept, which blocking calls
# reuse.
func _drops_to(before: int) -> void:
	spin_until(func() -> bool: return _descriptors() <= before + 2,
			"all but %d descriptors to be closed" % before)


func _descriptors() -> int:
	var output := []
	OS.execute("ls", ["-l", "/proc/%d/fd" % OS.get_process_id()], output)
	# One end or both ends of the pipe to `ls` may be listed, so pipes are not counted.
	return Array(output[0].split("\n")).filter(func(line: String) -> bool:
		return line.contains(" -> ") and not line.contains("pipe:")).size()


## The properties that the addon declares for `type` and its base.
func _own_properties(type: String) -> Array[Dictionary]:
	var properties := ClassDB.class_get_property_list(type, true)
	var base := ClassDB.get_parent_class(type)
	if base.ends_with("Rs"):
		properties.append_array(ClassDB.class_get_property_list(base, true))
	return properties
