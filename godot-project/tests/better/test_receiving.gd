extends "res://tests/support/test_case.gd"
## Received bytes are returned before an error or the end is reported, missing bytes read as zero,
## and blocking reads can be ended.

const EngineProcess := preload("res://tests/support/engine_process.gd")


func test_data_before_a_reset_survives_poll() -> void:
	if not distinguishes_resets():
		return
	for kind: String in family.kinds():
		var pair := reset_link(kind, [1, 2, 3, 4])
		if pair == null:
			continue
		arrived(pair.client, 4)
		# Enough polls for the reset to arrive as well.
		for i in 100:
			check_eq(pair.client.poll(), OK, kind + ": poll with unread data")
			if not check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status with unread data"):
				return
		check_eq(pair.client.get_available_bytes(), 4, kind + ": available")
		check_eq(pair.client.get_data(2), [OK, PackedByteArray([1, 2])], kind + ": the first half")
		check_eq(pair.client.poll(), OK, kind + ": poll after the first half")
		check_eq(pair.client.get_data(2), [OK, PackedByteArray([3, 4])], kind + ": the second half")
		var errors := []
		spin_until(func() -> bool:
			errors.append(pair.client.poll())
			return pair.client.get_status() != STATUS_CONNECTED, kind + ": the reset")
		check_eq(pair.client.get_status(), STATUS_ERROR, kind + ": status")
		check_eq(errors.back(), FAILED, kind + ": poll")


func test_a_failed_write_leaves_received_data_readable() -> void:
	for kind: String in family.kinds():
		var pair := reset_link(kind, [1, 2, 3, 4])
		if pair == null:
			continue
		arrived(pair.client, 4)
		var last := [OK]
		spin_until(func() -> bool:
			last[0] = pair.client.put_data([9])
			return last[0] != OK, kind + ": a write to fail")
		check_eq(last[0], FAILED, kind + ": put_data")
		check_eq(quietly(pair.client.get_available_bytes), 4, kind + ": available")
		check_eq(pair.client.get_data(4), [OK, PackedByteArray([1, 2, 3, 4])], kind + ": get_data")
		spin_until(func() -> bool:
			pair.client.poll()
			return pair.client.get_status() != STATUS_CONNECTED, kind + ": the end of the connection")


func test_a_failed_read_is_filled_with_zeros() -> void:
	dirty_the_heap()
	for kind: String in family.kinds():
		for size in [1, 8, 100, 5000]:
			var nothing := PackedByteArray()
			nothing.resize(size)
			check_eq(family.peer(kind).get_data(size), [FAILED, nothing],
					"%s: %d bytes, not connected" % [kind, size])
			var pair := link(kind)
			pair.served.put_u8(1)
			pair.served.disconnect_from_host()
			nothing[0] = 1
			var expected := [ERR_FILE_EOF, nothing] if size > 1 else [OK, nothing]
			check_eq(pair.client.get_data(size), expected, "%s: %d bytes, one there" % [kind, size])


func test_a_unix_signal_does_not_end_a_read() -> void:
	var environment := {}
	if EngineProcess.available():
		environment = EngineProcess.resolver(fresh_path().get_base_dir())
	if environment.is_empty():
		return skip("preloading a signal handler needs Linux and a C compiler")
	var end := endpoint("tcp")
	var child := EngineProcess.start("children/echo_sum.gd", [str(end.port), family.name], environment)
	var served := accept(end)
	for i in 20:
		for j in 50:
			served.put_u8(1)
		check_eq(OS.execute("kill", ["-USR1", str(child["pid"])]), 0, "the signal is sent")
	spin_until(func() -> bool:
		served.poll()
		return served.get_status() != STATUS_CONNECTED or served.get_available_bytes() == 8, "the answer")
	if check_eq(served.get_status(), STATUS_CONNECTED, "status with the answer"):
		check_eq(served.get_32(), OK, "what the interrupted read returned")
		check_eq(served.get_32(), 1000, "the sum of what it read")
	served.disconnect_from_host()
	spin_until(func() -> bool: return not OS.is_process_running(child["pid"]), "the child to end")


func test_disconnecting_wakes_a_blocked_read() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var reader := blocked_reader(pair)
		pair.client.disconnect_from_host()
		var woken := spin_until(func() -> bool: return not reader.is_alive(),
				kind + ": the reader to wake up", 2.0)
		# This ends the read in any case.
		pair.served.disconnect_from_host()
		var got: Variant = join(reader, "the reader")
		if woken:
			check_eq(got[0], FAILED, kind + ": what the reader returned")


func test_a_read_can_limit_its_length() -> void:
	# Typed reads trust a length from the other side, in both families. Reads with a limit do not.
	for kind: String in family.kinds():
		var pair := link(kind)
		if not check(pair.client.has_method("read_until"), kind + ": a method read_until"):
			return
		var noise := PackedByteArray()
		noise.resize(5000)
		pair.served.put_data(noise)
		arrived(pair.client, 5000)
		check_null(pair.client.read_until(";", 1000),
				kind + ": read_until with no delimiter in the first 1000 bytes")
		check_eq(pair.client.get_last_error(), ERR_INVALID_DATA, kind + ": its error")
		check_eq(pair.client.get_available_bytes(), 5000, kind + ": nothing is consumed")
