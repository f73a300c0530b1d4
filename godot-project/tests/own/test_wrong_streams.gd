extends "res://tests/support/test_case.gd"
## Objects that are not peers, where the classes expect one: mainly the engine's streams.

const TLS := ("stream: StreamPeerTLS is not a StreamPeerSocketRs; poll it yourself, and for "
		+ "packets use the engine's PacketPeerStream over it: see \"TLS\" in "
		+ "docs/recipes-servers.md")


func test_a_packet_peer_refuses_other_streams() -> void:
	var packets := PacketPeerSocketRs.new()
	var peer := StreamPeerTCPRs.new()
	packets.stream = peer
	_refuses(packets, StreamPeerTLS.new(), TLS)
	_refuses(packets, StreamPeerTCP.new(), "stream: StreamPeerTCP is not a StreamPeerSocketRs; "
			+ "use StreamPeerTCPRs")
	_refuses(packets, RefCounted.new(), "stream: RefCounted is not a StreamPeerSocketRs")
	_refuses(packets, PacketPeerSocketRs.new(),
			"stream: PacketPeerSocketRs is not a StreamPeerSocketRs")
	_refuses(packets, 5, "stream: int is not a StreamPeerSocketRs")
	_refuses(packets, "tls", "stream: String is not a StreamPeerSocketRs")


func test_a_packet_peer_takes_every_peer_and_null() -> void:
	var packets := PacketPeerSocketRs.new()
	for peer: Variant in [StreamPeerTCPRs.new(), StreamPeerUDSRs.new(), null]:
		packets.stream = peer
		check(packets.stream == peer, "a property of a typed variable")
		packets.set("stream", null)
		packets.set("stream", peer)
		check(packets.get("stream") == peer, "set()")
		packets.set("stream", null)
		packets.call("set_stream", peer)
		check(packets.call("get_stream") == peer, "a call")
		check_eq(packets.get_last_error(), OK, "no error")


func test_a_group_refuses_other_objects() -> void:
	var group := StreamPeerSocketGroupRs.new()
	for object: RefCounted in [StreamPeerTLS.new(), StreamPeerTCP.new(), RefCounted.new(),
			PacketPeerSocketRs.new(), group, null]:
		check_eq(quietly(group.add.bind(object)), ERR_INVALID_PARAMETER, "add %s" % object)
	check_eq(group.get_count(), 0, "members")


# Sets `value` in each way that a script can. The script continues, and the stream stays.
func _refuses(packets: PacketPeerSocketRs, value: Variant, message: String) -> void:
	var untyped: Variant = packets
	var ways := {
		"a typed variable": func() -> void: packets.stream = value,
		"an untyped variable": func() -> void: untyped.stream = value,
		"set()": func() -> void: packets.set("stream", value),
		"a call": func() -> void: packets.call("set_stream", value),
	}
	var before := packets.stream
	for way: String in ways:
		packets.put_packet([1])
		packets.get_packet()
		var went_on := [false]
		quietly(func() -> void:
			ways[way].call()
			went_on[0] = true)
		check(went_on[0] and packets.stream == before, "%s: %s" % [way, message])
		check_eq(packets.get_last_error(), ERR_INVALID_PARAMETER, way)
		check_eq(packets.get_last_error_message(), message, way)
