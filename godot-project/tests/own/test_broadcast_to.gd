extends "res://tests/support/test_case.gd"
## A broadcast to some members of a group.


func test_only_the_named_members_get_it_and_each_once() -> void:
	for kind: String in family.kinds():
		var group := StreamPeerSocketGroupRs.new()
		var pairs: Array[Link] = []
		for _i in 4:
			pairs.append(link(kind))
			check_eq(group.add(pairs[-1].served), OK, kind + ": add")
		var peers := [pairs[2].served, pairs[0].served, pairs[2].served]
		check_eq(group.broadcast_to(peers, "news\n".to_utf8_buffer()), [], kind + ": refused")
		# All members get this message, so a missing or repeated one before it shows.
		group.broadcast("end\n".to_utf8_buffer())
		for i in 4:
			await _line_arrived(pairs[i].client)
			var first: Variant = pairs[i].client.read_line()
			check_eq(first, "news" if i in [0, 2] else "end", "%s: member %d" % [kind, i])
			if i in [0, 2]:
				await _line_arrived(pairs[i].client)
				check_eq(pairs[i].client.read_line(), "end", "%s: member %d, once" % [kind, i])


func test_arrays_with_a_type_are_taken() -> void:
	var group := StreamPeerSocketGroupRs.new()
	var pair := link("tcp")
	var other := link("tcp")
	group.add(pair.served)
	group.add(other.served)
	var peers: Array[StreamPeerTCPRs] = [pair.served]
	check_eq(group.broadcast_to(peers, [1]), [], "refused")
	check_eq(group.broadcast([2], peers), [], "refused by the others")
	check(arrived(pair.client, 1) and arrived(other.client, 1), "both get something")
	check_eq(pair.client.get_u8(), 1, "the member in the array")
	check_eq(other.client.get_u8(), 2, "the member that is not")


func test_unconnected_members_and_other_objects_are_ignored() -> void:
	var group := StreamPeerSocketGroupRs.new()
	var pair := link("tcp")
	var outside := link("tcp")
	group.add(pair.served)
	var server := TCPServerRs.new()
	group.add(server)
	var unconnected := StreamPeerTCPRs.new()
	group.add(unconnected)
	var peers := [outside.served, server, unconnected, null, 7, "text", pair.served]
	check_eq(group.broadcast_to(peers, [1]), [], "refused")
	check(arrived(pair.client, 1), "the member gets it")
	check_eq(outside.client.get_available_bytes(), 0, "another peer does not")
	check_eq(group.broadcast_to([], [1]), [], "to nobody")


func test_packet_peers_frame_it_and_a_full_one_refuses() -> void:
	var group := StreamPeerSocketGroupRs.new()
	var pair := link("tcp")
	var packets := PacketPeerSocketRs.new()
	packets.stream = pair.served
	packets.stream.write_buffer_limit = 100
	group.add(packets)
	var message := PacketPeerSocketRs.encode_json({"type": "hello", "id": 7})
	check_eq(group.broadcast_to([packets], message), [], "a packet")
	var block := PackedByteArray()
	block.resize(1000)
	check_eq(group.broadcast_to([packets], block), [packets], "a packet larger than its queue")
	check(not packets.get_last_error_message().is_empty(), "the reason")
	var others := PacketPeerSocketRs.new()
	others.stream = pair.client
	await until(func() -> bool: return others.get_available_packet_count() == 1, "a packet")
	check_eq(others.get_json(), {"type": "hello", "id": 7}, "the packet")


func _line_arrived(peer: StreamPeerSocketRs) -> void:
	await until(func() -> bool:
		peer.poll()
		return peer.get_available_bytes() >= 4, "a line")
