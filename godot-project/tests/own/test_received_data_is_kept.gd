extends "res://tests/support/test_case.gd"
## Received bytes are returned before an error or the end is reported, and missing bytes read as
## zero.


func test_data_is_returned_before_the_end() -> void:
	# Consumers such as PacketPeerStream drop data that is returned together with an error.
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
			spin_until(func() -> bool: return back.get_available_packet_count() > 0,
					"%s: packet %d" % [kind, i])
			check_eq(back.get_packet(), PackedByteArray([i]), "%s: packet %d" % [kind, i])


func test_typed_reads_of_a_closed_peer_are_zero() -> void:
	dirty_the_heap()
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
