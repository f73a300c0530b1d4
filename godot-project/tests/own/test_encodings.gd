extends "res://tests/support/test_case.gd"
## The static functions of `PacketPeerSocketRs` that encode and decode packets. None prints
## anything, whatever the packet is: a printed error fails a test.

const SAMPLES_PER_VALUE := 300


func test_whole_numbers_of_json_stay_ints() -> void:
	var cases := {
		"0": 0,
		"-7": -7,
		"9007199254740993": 9007199254740993,
		"9223372036854775807": 9223372036854775807,
		"-9223372036854775808": -9223372036854775807 - 1,
		"1.0": 1.0,
		"1e3": 1000.0,
		"-0": -0.0,
		"9223372036854775808": 9223372036854775808.0,
		"1e999": INF,
	}
	for text: String in cases:
		var decoded: Variant = PacketPeerSocketRs.decode_json(text.to_utf8_buffer())
		check_eq(decoded, cases[text], text)
	var request := '{"id":9007199254740993,"params":[1,2.5]}'
	var decoded: Dictionary = PacketPeerSocketRs.decode_json(request.to_utf8_buffer())
	var encoded := PacketPeerSocketRs.encode_json(decoded)
	check_eq(encoded.get_string_from_utf8(), request, "a request that is decoded and encoded")


func test_every_text_survives_json() -> void:
	var all := ""
	for code in range(1, 0x100):
		all += char(code)
	for text: String in [all, "\\v", "\u000b", "\\\u000b", "a\u0001b", "\u007f", "⚡", "\"\\\""]:
		var packet := PacketPeerSocketRs.encode_json({text: text})
		check_eq(PacketPeerSocketRs.decode_json(packet), {text: text}, var_to_str(text))
		check(not packet.has(0x0a), "one line: " + var_to_str(text))


func test_json_null_differs_from_what_is_not_json() -> void:
	check_null(PacketPeerSocketRs.decode_json("null".to_utf8_buffer(), ERR_PARSE_ERROR), "null")
	for text: String in ["", "{", "nul", "[1,,2]", "{\"a\" 1}", "\u0001"]:
		var bytes := text.to_utf8_buffer()
		check_eq(PacketPeerSocketRs.decode_json(bytes, ERR_PARSE_ERROR), ERR_PARSE_ERROR, text)
		check_null(PacketPeerSocketRs.decode_json(bytes), text + ": without a second argument")
	var not_text := PackedByteArray([0x22, 0xff, 0x22])
	check_eq(PacketPeerSocketRs.decode_json(not_text, "no"), "no", "bytes that are not UTF-8")


func test_encoded_packets_are_those_that_put_text_and_put_json_send() -> void:
	var pair := link("tcp")
	var ours := PacketPeerSocketRs.new()
	ours.stream = pair.client
	var others := PacketPeerSocketRs.new()
	others.stream = pair.served
	var value := {"a": [1, 2.5, null, "ä\n"]}
	others.put_json(value)
	others.put_text("ä ⚡")
	await until(func() -> bool: return ours.get_available_packet_count() == 2, "two packets")
	check_eq(ours.get_packet(), PacketPeerSocketRs.encode_json(value), "JSON")
	check_eq(ours.get_packet(), PacketPeerSocketRs.encode_text("ä ⚡"), "text")


func test_variants_are_decoded_as_the_engine_does() -> void:
	for value: Variant in _values():
		var packet := var_to_bytes(value)
		var decoded: Variant = PacketPeerSocketRs.decode_var(packet, "invalid")
		check_eq(var_to_str(decoded), var_to_str(value), "the value")
		check_eq(var_to_bytes(decoded), packet, "the value, encoded again: " + var_to_str(value))


func test_incomplete_variants_are_invalid() -> void:
	for value: Variant in _values():
		var packet := var_to_bytes(value)
		for length in range(0, packet.size(), maxi(1, packet.size() / 50)):
			var decoded: Variant = PacketPeerSocketRs.decode_var(packet.slice(0, length), "invalid")
			check_eq(decoded, "invalid", "%d bytes of %s" % [length, var_to_str(value)])


func test_damaged_variants_print_nothing() -> void:
	var random := RandomNumberGenerator.new()
	random.seed = 7
	var count := 0
	for value: Variant in _values():
		var packet := var_to_bytes(value)
		for _i in SAMPLES_PER_VALUE:
			var damaged := packet.duplicate()
			for _change in random.randi_range(1, 3):
				var at := random.randi_range(0, damaged.size() - 1)
				# Small numbers are types, counts and flags.
				damaged[at] = random.randi_range(0, 40) if random.randf() < 0.7 else random.randi() & 255
			PacketPeerSocketRs.decode_var(damaged)
			count += 1
	check(count > 5000, "%d damaged packets" % count)


func test_nesting_has_the_engines_limit() -> void:
	var value: Variant = 1
	for _i in 100:
		value = [value]
	check(PacketPeerSocketRs.decode_var(var_to_bytes(value)) is Array, "100 arrays")
	var deeper := PackedByteArray([28, 0, 0, 0, 1, 0, 0, 0]) + var_to_bytes(value)
	check_null(PacketPeerSocketRs.decode_var(deeper), "101 arrays")


func test_objects_are_decoded_only_when_asked_for() -> void:
	var node := Timer.new()
	node.wait_time = 7.0
	var packet := var_to_bytes_with_objects(node)
	node.free()
	check_eq(PacketPeerSocketRs.decode_var(packet, "invalid"), "invalid", "an object")
	var decoded: Timer = PacketPeerSocketRs.decode_var(packet, null, true)
	check_eq(decoded.wait_time, 7.0, "an object that was asked for")
	decoded.free()
	var nested := var_to_bytes_with_objects([1, null, {"a": null}])
	check_eq(PacketPeerSocketRs.decode_var(nested), [1, null, {"a": null}], "no object")


func _values() -> Array:
	var typed: Array[int] = [1, 2, 3]
	var typed_texts: Array[String] = ["a", ""]
	var values := [
		null, true, false, 0, -1, 1 << 40, 0.5, 1e300, "", "text ä", &"name", ^"a/b:c:d", ^"/root", ^"",
		Vector2(1, 2), Vector2i(1, 2), Rect2(1, 2, 3, 4), Rect2i(1, 2, 3, 4), Vector3(1, 2, 3),
		Vector3i(1, 2, 3), Transform2D(), Vector4(1, 2, 3, 4), Vector4i(1, 2, 3, 4), Plane(1, 2, 3, 4),
		Quaternion(), AABB(), Basis(), Transform3D(), Projection(), Color(1, 0, 0), RID(), Callable(),
		Signal(), {}, {"a": 1, 2: [null]}, [], [1, [2, {}], "3"], typed, typed_texts,
		PackedByteArray([1, 2, 3]), PackedInt32Array([1, -2]), PackedInt64Array([1 << 40]),
		PackedFloat32Array([0.5]), PackedFloat64Array([0.25]), PackedStringArray(["", "ä", "abc"]),
		PackedVector2Array([Vector2.ONE]), PackedVector3Array([Vector3.ONE]),
		PackedColorArray([Color.RED]), PackedVector4Array([Vector4.ONE]),
	]
	return values
