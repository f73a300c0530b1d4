extends RefCounted
## A DNS server (RFC 1035) at 127.0.0.1, port 53, in its own network namespace. The last label of a
## name selects the answer. The server has a thread, since the engine's lookups block the main
## thread.

const TYPE_A := 1
const TYPE_AAAA := 28
## The IPv4 addresses and the IPv6 addresses of each name. At 127.0.0.2 nothing listens, 10.9.9.2
## does not answer, and 10.8.0.0/16 has no route.
const ANSWERS := {
	"good": [["127.0.0.1"], []],
	"both": [["127.0.0.1"], ["::1"]],
	"second": [["127.0.0.2", "127.0.0.1"], []],
	"nowhere-first": [["10.9.9.2", "127.0.0.1"], []],
	"unreachable-first": [["10.8.1.2", "127.0.0.1"], []],
	"prohibited-first": [["10.8.2.2", "127.0.0.1"], []],
	"dropped-first": [["10.8.3.2", "127.0.0.1"], []],
	"zero": [["0.0.0.0"], []],
	"multicast": [["224.0.0.1"], []],
	"broadcast": [["255.255.255.255"], []],
	"broadcast-first": [["255.255.255.255", "127.0.0.1"], []],
	"mapped": [[], ["::ffff:127.0.0.1"]],
	"local": [["127.0.0.1"], ["fe80::1"]],
	"slow": [["127.0.0.1"], []],
	"half-silent": [["127.0.0.1"], []],
	"half-refused": [["127.0.0.1"], []],
}
const CODES := {"unknown": 3, "failing": 2, "refusing": 5}

## The address of the names that end with `moved`.
var address := ""

var _socket := PacketPeerUDP.new()
var _thread := Thread.new()
var _stopping := false


func start() -> bool:
	return _socket.bind(53, "127.0.0.1") == OK and _thread.start(_serve) == OK


func stop() -> void:
	_stopping = true
	_thread.wait_to_finish()
	_socket.close()


func _serve() -> void:
	var late: Array = []
	while not _stopping:
		while _socket.get_available_packet_count() > 0:
			var query := _socket.get_packet()
			var due := Time.get_ticks_msec()
			if _way(query) == "slow":
				due += 1700
			late.append([due, _socket.get_packet_ip(), _socket.get_packet_port(), query])
		for entry: Array in late.duplicate():
			if Time.get_ticks_msec() >= entry[0]:
				late.erase(entry)
				_socket.set_dest_address(entry[1], entry[2])
				_answer(entry[3])
		OS.delay_msec(2)


func _answer(query: PackedByteArray) -> void:
	var type := query[_question_end(query) - 3]
	var way := _way(query)
	if way == "silent" or way == "half-silent" and type == TYPE_AAAA:
		return
	if way == "noise":
		query = query.slice(0, 2) + "this is no answer".to_utf8_buffer()
		_socket.put_packet(query)
	elif way == "cut":
		_socket.put_packet(_head(query, 0x82, 0, 0))
	elif way == "stranger":
		query[0] ^= 0xff
		_socket.put_packet(_with_addresses(query, [["127.0.0.1"], []], type))
	elif way == "half-refused" and type == TYPE_AAAA:
		_socket.put_packet(_head(query, 0x80, 5, 0))
	elif way == "many":
		var many := []
		for index in 28:
			many.append("127.0.1.%d" % index)
		_socket.put_packet(_with_addresses(query, [many + ["127.0.0.1"], []], type))
	elif way == "moved":
		_socket.put_packet(_with_addresses(query, [[address], []], type))
	elif way in CODES:
		_socket.put_packet(_head(query, 0x80, CODES[way], 0))
	else:
		_socket.put_packet(_with_addresses(query, ANSWERS.get(way, [[], []]), type))


func _with_addresses(query: PackedByteArray, addresses: Array, type: int) -> PackedByteArray:
	var of_type: Array = addresses[0] if type == TYPE_A else addresses[1]
	var packet := _head(query, 0x80, 0, of_type.size())
	for of: String in of_type:
		# A pointer to the name in the question, the type, the class, and a time to live of 0.
		packet.append_array([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, 4 if type == TYPE_A else 16])
		packet.append_array(_bytes(of))
	return packet


func _head(query: PackedByteArray, flags: int, code: int, answers: int) -> PackedByteArray:
	var packet := query.slice(0, 2)
	packet.append_array([flags | 1, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0])
	packet.append_array(query.slice(12, _question_end(query)))
	return packet


func _bytes(of: String) -> PackedByteArray:
	var bytes := PackedByteArray()
	if of.contains("."):
		for part in of.trim_prefix("::ffff:").split("."):
			bytes.append(part.to_int())
		if of.begins_with("::ffff:"):
			bytes = PackedByteArray([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]) + bytes
		return bytes
	bytes.resize(16)
	bytes[15] = 1
	if of.begins_with("fe80"):
		bytes[0] = 0xfe
		bytes[1] = 0x80
	return bytes


func _way(query: PackedByteArray) -> String:
	return _labels(query)[-1]


func _labels(query: PackedByteArray) -> PackedStringArray:
	var labels := PackedStringArray()
	var at := 12
	while query[at] > 0:
		labels.append(query.slice(at + 1, at + 1 + query[at]).get_string_from_ascii())
		at += 1 + query[at]
	return labels


func _question_end(query: PackedByteArray) -> int:
	var at := 12
	while query[at] > 0:
		at += 1 + query[at]
	return at + 5
