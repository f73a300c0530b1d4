extends "res://tests/support/test_case.gd"
## `connect_timeout`, `read_timeout` and `write_timeout`, in seconds. After a timeout of a read or a
## write the connection stays open.

const MORE_THAN_THE_SYSTEM_TAKES := 64 << 20
const SETTING := {"tcp": "network/limits/tcp/connect_timeout_seconds",
		"uds": "network/limits/unix/connect_timeout_seconds"}


func test_a_new_peer_has_the_documented_time_limits() -> void:
	for kind: String in family.kinds():
		var peer: StreamPeer = family.peer(kind)
		check_eq(peer.connect_timeout, -1.0, kind + ": connect_timeout")
		check_eq(peer.read_timeout, 0.0, kind + ": read_timeout")
		check_eq(peer.write_timeout, 0.0, kind + ": write_timeout")


func test_time_limits_can_be_set_and_read() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		for property: String in ["connect_timeout", "read_timeout", "write_timeout"]:
			for seconds: float in [0.001, 0.5, 86400.0, 1e9]:
				pair.client.set(property, seconds)
				check(is_equal_approx(pair.client.get(property), seconds),
						"%s: %s of %s" % [kind, property, seconds])


func test_zero_and_infinity_are_no_time_limit() -> void:
	for kind: String in family.kinds():
		for seconds: float in [0.0, INF, 1e300]:
			var pair := link(kind)
			pair.client.read_timeout = seconds
			pair.client.write_timeout = seconds
			var reader := in_thread(func() -> Array: return pair.client.get_data(1))
			pair.served.put_u8(4)
			check_eq(join(reader, "the reader"), [OK, PackedByteArray([4])],
					"%s: get_data with %s" % [kind, seconds])
			check_eq(pair.client.put_data([1]), OK, "%s: put_data with %s" % [kind, seconds])
			pair.client.connect_timeout = seconds
			pair.client.disconnect_from_host()
			check_eq(pair.endpoint.connect_peer(pair.client), OK, "%s: connect with %s" % [kind, seconds])
			settle(pair.client)
			check_eq(pair.client.get_status(), STATUS_CONNECTED, "%s: status with %s" % [kind, seconds])


func test_negative_times_and_nan_are_refused() -> void:
	for kind: String in family.kinds():
		var peer: StreamPeer = family.peer(kind)
		for property: String in ["connect_timeout", "read_timeout", "write_timeout"]:
			peer.set(property, 0.5)
			var bad := [-2.0, -1e-10, -INF, NAN]
			if property != "connect_timeout":
				bad.append(-1.0)
			for seconds: float in bad:
				quietly(func() -> void: peer.set(property, seconds))
				check_eq(peer.get(property), 0.5, "%s: %s of %s" % [kind, property, seconds])
				check_eq(peer.get_last_error(), ERR_INVALID_PARAMETER, "%s: get_last_error" % kind)
				check(peer.get_last_error_message().begins_with(property + ": "), peer.get_last_error_message())
		peer.connect_timeout = -1.0
		check_eq(peer.connect_timeout, -1.0, kind + ": the project setting")


func test_tiny_times_are_time_limits() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.read_timeout = 1e-10
		check(pair.client.read_timeout > 0.0, kind + ": read_timeout")
		check_eq(pair.client.get_data(1)[0], ERR_TIMEOUT, kind + ": get_data")
		pair.client.write_timeout = 1e-10
		check_eq(pair.client.put_data(_pattern(MORE_THAN_THE_SYSTEM_TAKES)), ERR_TIMEOUT,
				kind + ": put_data")
		var end := small_endpoint(kind)
		var queue := fill(end)
		var late: StreamPeer = family.peer(kind)
		late.connect_timeout = 1e-10
		end.connect_peer(late)
		reaches(late, STATUS_ERROR, kind + ": the timeout")
		check(not queue.is_empty(), "the backlog was full all the time")


func test_connect_timeout_ends_a_connect() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		var peer: StreamPeer = family.peer(kind)
		peer.connect_timeout = 0.2
		var start := Time.get_ticks_msec()
		end.connect_peer(peer)
		var errors := []
		spin_until(func() -> bool:
			errors.append(peer.poll())
			return peer.get_status() != STATUS_CONNECTING, kind + ": the timeout")
		check(Time.get_ticks_msec() - start >= 195, kind + ": not before the time")
		check_eq(peer.get_status(), STATUS_ERROR, kind + ": status")
		check_eq(errors.back(), ERR_CONNECTION_ERROR, kind + ": poll")
		check_eq(peer.get_last_error(), ERR_TIMEOUT, kind + ": get_last_error")
		# With room in the backlog the same peer connects.
		while end.server.take_connection() != null:
			pass
		queue.clear()
		peer.connect_timeout = 30.0
		end.connect_peer(peer)
		settle(peer)
		check_eq(peer.get_status(), STATUS_CONNECTED, kind + ": status of the next connect")


func test_the_project_setting_applies_to_minus_one_only() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		var before: int = ProjectSettings.get_setting(SETTING[kind], 30)
		ProjectSettings.set_setting(SETTING[kind], 0)
		var by_setting: StreamPeer = family.peer(kind)
		end.connect_peer(by_setting)
		var by_limit: StreamPeer = family.peer(kind)
		by_limit.connect_timeout = 3600.0
		end.connect_peer(by_limit)
		var by_none: StreamPeer = family.peer(kind)
		by_none.connect_timeout = 0.0
		end.connect_peer(by_none)
		ProjectSettings.set_setting(SETTING[kind], before)
		reaches(by_setting, STATUS_ERROR, kind + ": the timeout of the setting")
		by_limit.poll()
		by_none.poll()
		check_eq(by_limit.get_status(), STATUS_CONNECTING, kind + ": status with a limit of its own")
		check_eq(by_none.get_status(), STATUS_CONNECTING, kind + ": status without a limit")
		check(not queue.is_empty(), "the backlog was full all the time")


func test_read_timeout_ends_a_read() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.read_timeout = 0.05
		for size in [1, 8, 9, 100000]:
			var start := Time.get_ticks_msec()
			var got: Array = pair.client.get_data(size)
			check(Time.get_ticks_msec() - start >= 45, "%s: %d bytes, not before the time" % [kind, size])
			check_eq(got[0], ERR_TIMEOUT, "%s: %d bytes" % [kind, size])
			check_eq(pair.client.get_last_error(), ERR_TIMEOUT, "%s: get_last_error" % kind)
			check_eq(pair.client.get_last_read_bytes(), 0, "%s: get_last_read_bytes" % kind)
			check_eq(pair.client.get_status(), STATUS_CONNECTED, "%s: status" % kind)
		pair.served.put_u8(9)
		check_eq(pair.client.get_u8(), 9, kind + ": a byte after it")
		check_eq(pair.client.put_data([1]), OK, kind + ": the other direction")


func test_a_number_that_arrives_late_is_not_torn() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.read_timeout = 0.03
		pair.served.put_data([0x78, 0x56])
		check_eq(pair.client.get_u32(), 0, kind + ": get_u32 of half a number")
		check_eq(pair.client.get_last_error(), ERR_TIMEOUT, kind + ": get_last_error")
		check_eq(pair.client.get_last_read_bytes(), 0, kind + ": get_last_read_bytes")
		check_eq(pair.client.get_available_bytes(), 2, kind + ": the received bytes stay")
		pair.served.put_data([0x34, 0x12])
		check_eq(pair.client.get_u32(), 0x12345678, kind + ": get_u32 of the whole number")
		check_eq(pair.client.get_last_error(), OK, kind + ": get_last_error after it")
		for i in 7:
			pair.served.put_u8(i)
			check_eq(pair.client.get_u64(), 0, "%s: get_u64 of %d bytes" % [kind, i + 1])
		pair.served.put_u8(7)
		check_eq(pair.client.get_u64(), 0x0706050403020100, kind + ": get_u64")


func test_a_read_that_times_out_returns_the_received_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.read_timeout = 0.03
		var sent := PackedByteArray(range(1, 41))
		pair.served.put_data(sent)
		var got: Array = pair.client.get_data(100)
		check_eq(got[0], ERR_TIMEOUT, kind + ": the error")
		check_eq(pair.client.get_last_read_bytes(), 40, kind + ": get_last_read_bytes")
		check_eq(got[1].slice(0, 40), sent, kind + ": the received bytes")
		check_eq(got[1].slice(40).count(0), 60, kind + ": the others are zero")
		pair.served.put_data([5])
		check_eq(pair.client.get_u8(), 5, kind + ": a byte that arrives later")


func test_write_timeout_ends_a_write() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.write_timeout = 0.05
		var bytes := _pattern(MORE_THAN_THE_SYSTEM_TAKES)
		var start := Time.get_ticks_msec()
		check_eq(pair.client.put_data(bytes), ERR_TIMEOUT, kind + ": put_data")
		check(Time.get_ticks_msec() - start >= 45, kind + ": not before the time")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")
		check_eq(pair.client.get_last_error(), ERR_TIMEOUT, kind + ": get_last_error")
		# The message says how many bytes were accepted.
		var taken: int = pair.client.get_last_error_message().get_slice(" after ", 1).to_int()
		check(taken > 0 and taken < bytes.size(), kind + ": " + pair.client.get_last_error_message())
		check_eq(pair.client.get_last_written_bytes(), taken, kind + ": get_last_written_bytes")
		check_eq(pair.served.get_data(taken), [OK, bytes.slice(0, taken)], kind + ": as many arrive")
		check_eq(pair.served.get_available_bytes(), 0, kind + ": no more arrive")
		check_eq(pair.client.put_data([1, 2, 3]), OK, kind + ": the next put_data")
		check_eq(pair.served.get_data(3), [OK, PackedByteArray([1, 2, 3])], kind + ": its bytes")


func test_get_last_written_bytes_counts_the_written_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		check_eq(pair.client.get_last_written_bytes(), 0, kind + ": before any write")
		pair.client.put_data([1, 2, 3])
		check_eq(pair.client.get_last_written_bytes(), 3, kind + ": put_data")
		pair.client.put_u64(4)
		check_eq(pair.client.get_last_written_bytes(), 8, kind + ": put_u64")
		pair.client.put_partial_data([1])
		check_eq(pair.client.get_last_written_bytes(), 8, kind + ": put_partial_data does not count")
		pair.client.write_buffer_limit = 4
		check_eq(pair.client.put_data(_pattern(MORE_THAN_THE_SYSTEM_TAKES)), ERR_BUSY,
				kind + ": put_data of too much")
		check_eq(pair.client.get_last_written_bytes(), 0, kind + ": after a refused put_data")
		pair.client.disconnect_from_host()
		pair.client.put_data([1])
		check_eq(pair.client.get_last_written_bytes(), 0, kind + ": without a connection")


func _pattern(size: int) -> PackedByteArray:
	var words := PackedInt32Array()
	words.resize(1 << 16)
	for i in words.size():
		words[i] = i * 2654435761
	var block := words.to_byte_array()
	var bytes := PackedByteArray()
	while bytes.size() < size:
		bytes.append_array(block)
	return bytes.slice(0, size)
