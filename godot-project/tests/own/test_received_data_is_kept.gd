extends "res://tests/support/test_case.gd"
## What has arrived is handed over before any error or end is reported, and what has not arrived reads as zero.


func test_data_before_a_reset_survives_poll() -> void:
	for kind: String in family.kinds():
		var pair := reset_link(kind, [1, 2, 3, 4])
		if pair == null:
			continue
		arrived(pair.client, 4)
		# Often enough for the reset to have arrived as well.
		for i in 100:
			check_eq(pair.client.poll(), OK, kind + ": poll with unread data")
			check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status with unread data")
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
		check_eq(pair.client.get_available_bytes(), 4, kind + ": available")
		check_eq(pair.client.get_data(4), [OK, PackedByteArray([1, 2, 3, 4])], kind + ": get_data")
		spin_until(func() -> bool:
			pair.client.poll()
			return pair.client.get_status() != STATUS_CONNECTED, kind + ": the end of the connection")


func test_data_and_the_end_do_not_come_together() -> void:
	# A consumer such as PacketPeerStream drops the data that comes with an error.
	for kind: String in family.kinds():
		var pair := link(kind)
		var out := PacketPeerStream.new()
		out.stream_peer = pair.served
		var back := PacketPeerStream.new()
		back.stream_peer = pair.client
		for i in 3:
			out.put_packet([i])
		out.stream_peer = null
		pair.served.disconnect_from_host()
		for i in 3:
			spin_until(func() -> bool: return back.get_available_packet_count() > 0, "%s: packet %d" % [kind, i])
			check_eq(back.get_packet(), PackedByteArray([i]), "%s: packet %d" % [kind, i])


func test_a_failed_read_is_filled_with_zeros() -> void:
	_dirty_the_heap()
	for kind: String in family.kinds():
		for size in [1, 8, 100, 5000]:
			var nothing := PackedByteArray()
			nothing.resize(size)
			check_eq(family.peer(kind).get_data(size), [FAILED, nothing], "%s: %d bytes, not connected" % [kind, size])
			var pair := link(kind)
			pair.served.put_u8(1)
			pair.served.disconnect_from_host()
			nothing[0] = 1
			var expected := [ERR_FILE_EOF, nothing] if size > 1 else [OK, nothing]
			check_eq(pair.client.get_data(size), expected, "%s: %d bytes, one there" % [kind, size])


func test_typed_reads_of_a_closed_peer_are_zero() -> void:
	_dirty_the_heap()
	for kind: String in family.kinds():
		var peer: StreamPeer = family.peer(kind)
		for type in ["8", "u8", "16", "u16", "32", "u32", "64", "u64"]:
			check_eq(peer.call("get_" + type), 0, "%s: get_%s" % [kind, type])
		for type in ["half", "float", "double"]:
			check_eq(peer.call("get_" + type), 0.0, "%s: get_%s" % [kind, type])


func test_a_value_cut_off_by_the_end_is_filled_with_zeros() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.served.put_u8(0x11)
		pair.served.disconnect_from_host()
		check_eq(pair.client.get_u64(), 0x11, kind + ": get_u64 with one byte of eight")
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status")


# Freed memory that is full of something, for a read that does not clear to hand out.
func _dirty_the_heap() -> void:
	for size in [1, 8, 100, 5000]:
		for i in 50:
			var bytes := PackedByteArray()
			bytes.resize(size)
			bytes.fill(0xAA)
