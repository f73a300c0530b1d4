extends "res://tests/support/test_case.gd"
## Every typed put and get over a connection, in both byte orders.

const NUMBERS := {
	"8": [0, 1, 42, -1, -128, 127],
	"u8": [0, 1, 42, 255],
	"16": [0, 42, -1, -32768, 32767, 0x0102],
	"u16": [0, 42, 65535, 0x0102],
	"32": [0, 42, -1, -2147483648, 2147483647, 0x01020304],
	"u32": [0, 42, 4294967295, 0x01020304],
	"64": [0, 42, -1, -9223372036854775807, 9223372036854775807, 0x0102030405060708],
	"u64": [0, 42, 9223372036854775807, 0x0102030405060708],
	"half": [0.0, 42.0, -0.5, 3.140625],
	"float": [0.0, 42.0, -0.15625, 16777216.0],
	"double": [0.0, 42.0, 0.1, -1.0e300],
}


func test_numbers_arrive_in_both_byte_orders() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		for big_endian in [false, true]:
			pair.client.big_endian = big_endian
			pair.served.big_endian = big_endian
			check_eq(pair.client.is_big_endian_enabled(), big_endian, "is_big_endian_enabled")
			for type: String in NUMBERS:
				for value: Variant in NUMBERS[type]:
					pair.client.call("put_" + type, value)
					check_eq(pair.served.call("get_" + type), value,
							"%s: %s, big endian %s" % [kind, type, big_endian])
		check_eq(pair.served.get_available_bytes(), 0, kind + ": nothing is left over")


func test_numbers_have_the_documented_bytes() -> void:
	var little := {"u16": [2, 1], "u32": [4, 3, 2, 1], "u64": [8, 7, 6, 5, 4, 3, 2, 1]}
	for kind: String in family.kinds():
		var pair := link(kind)
		for type: String in little:
			var bytes := PackedByteArray(little[type])
			var value: int = NUMBERS[type].back()
			pair.client.big_endian = false
			pair.client.call("put_" + type, value)
			check_eq(pair.served.get_data(bytes.size())[1], bytes, "%s: %s, little endian" % [kind, type])
			bytes.reverse()
			pair.client.big_endian = true
			pair.client.call("put_" + type, value)
			check_eq(pair.served.get_data(bytes.size())[1], bytes, "%s: %s, big endian" % [kind, type])


func test_strings_arrive_unchanged() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		for text: String in ["", "Hello, World!", "x".repeat(5000)]:
			pair.client.put_string(text)
			check_eq(pair.served.get_string(), text, kind + ": string")
		for text: String in ["", "Hello✩, World✩!", "日本語".repeat(1000)]:
			pair.client.put_utf8_string(text)
			check_eq(pair.served.get_utf8_string(), text, kind + ": utf8 string")
		pair.client.put_data("no length".to_utf8_buffer())
		check_eq(pair.served.get_string(2), "no", kind + ": a string of known length")
		check_eq(pair.served.get_utf8_string(7), " length", kind + ": a utf8 string of known length")


func test_variants_arrive_unchanged() -> void:
	var values: Array = [null, true, -7, 1.5, "text", Vector3(1, 2, 3), Color.RED, NodePath("a/b:c"),
			&"name", [42, "Hello, World!", [null]], {"a": 1, 2: [3.0]}, PackedStringArray(["x", "y"]),
			PackedInt64Array(range(3000))]
	for kind: String in family.kinds():
		var pair := link(kind)
		for value: Variant in values:
			pair.client.put_var(value)
			check_eq(pair.served.get_var(), value, kind + ": variant")
		var object := Resource.new()
		object.resource_name = "sent whole"
		pair.client.put_var(object, true)
		var got: Variant = pair.served.get_var(true)
		check(got is Resource and got.resource_name == "sent whole", kind + ": an object")


func test_a_value_that_arrives_byte_by_byte_is_read_whole() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		# The bytes arrive one by one while the reader waits for all of them.
		var bytes := PackedByteArray([0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x08])
		var writer := in_thread(func() -> void:
			for byte in bytes:
				OS.delay_msec(2)
				pair.client.put_u8(byte))
		check_eq(pair.served.get_u64(), bytes.decode_u64(0), kind + ": a u64 in eight pieces")
		join(writer, "the writer")


func test_many_small_values_arrive_in_order() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var wrong := 0
		# The system charges hundreds of bytes for each tiny write, so only a few fit before they
		# are read.
		for start in range(0, 3000, 50):
			for i in range(start, start + 50):
				pair.client.put_u16(i)
				pair.client.put_u8(i & 255)
				pair.client.put_32(-i)
			for i in range(start, start + 50):
				if pair.served.get_u16() != i or pair.served.get_u8() != i & 255 or pair.served.get_32() != -i:
					wrong += 1
		check_eq(wrong, 0, kind + ": wrong values")
		check_eq(pair.served.get_available_bytes(), 0, kind + ": nothing is left over")


func test_values_can_be_exchanged_through_the_base_type() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		var out: StreamPeer = pair.client
		var back: StreamPeer = pair.served
		out.put_double(2.5)
		check_eq(back.get_double(), 2.5, kind + ": a double")
		check(out is StreamPeer, kind + ": is StreamPeer")


func test_the_string_of_a_closed_peer_is_empty() -> void:
	for kind: String in family.kinds():
		var peer: StreamPeer = family.peer(kind)
		check_eq(quietly(func() -> String: return peer.get_string(4)), "", kind + ": get_string")
		check_eq(quietly(func() -> String: return peer.get_utf8_string(4)), "",
				kind + ": get_utf8_string")
