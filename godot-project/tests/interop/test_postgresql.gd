extends "res://tests/support/test_case.gd"
## PostgreSQL over its Unix domain socket: start-up, trust login and rows, in version 3 of its
## protocol. A message is a letter, a length that includes itself, and the contents.

const ROWS := 20_000


func test_twenty_thousand_rows_arrive() -> void:
	var peer := StreamPeerUDSRs.new()
	peer.big_endian = true
	check_eq(peer.connect_to_host(OS.get_environment("INTEROP_POSTGRESQL_PATH")), OK, "connect")
	var start := PackedByteArray([0, 3, 0, 0])
	for word: String in ["user", "tester", "database", "postgres", ""]:
		start += word.to_ascii_buffer() + PackedByteArray([0])
	peer.put_32(start.size() + 4)
	peer.put_data(start)
	var seen := ""
	while not seen.ends_with("Z"):
		var message := _message(peer)
		if message.is_empty():
			return
		seen += message[0]
		if message[0] == "R":
			check_eq(message[1], PackedByteArray([0, 0, 0, 0]), "authentication without a password")
	var query := "SELECT i, repeat('x', i %% 100) FROM generate_series(1, %d) AS i" % ROWS
	peer.put_8("Q".unicode_at(0))
	peer.put_32(query.length() + 5)
	peer.put_data(query.to_ascii_buffer() + PackedByteArray([0]))
	var count := 0
	var wrong := 0
	seen = ""
	while not seen.ends_with("Z"):
		var message := _message(peer)
		if message.is_empty():
			return
		if message[0] == "D":
			count += 1
			var row := _row(message[1])
			wrong += int(row != [str(count), "x".repeat(count % 100)])
		else:
			seen += message[0]
	check_eq([count, wrong], [ROWS, 0], "rows")
	check_eq(seen, "TCZ", "the messages around the rows")
	peer.put_8("X".unicode_at(0))
	peer.put_32(4)
	reaches(peer, STATUS_NONE, "the end")


# The letter and the contents of the next message, read with blocking calls.
func _message(peer: StreamPeerUDSRs) -> Array:
	var letter := char(peer.get_u8())
	var length := peer.get_32()
	if not check(length >= 4,
			"a message '%s' of %d bytes: %s" % [letter, length, peer.get_last_error_message()]):
		return []
	var got := peer.get_data(length - 4)
	return [letter, got[1]] if check_eq(got[0], OK, "the message") else []


func _row(data: PackedByteArray) -> Array:
	var buffer := StreamPeerBuffer.new()
	buffer.big_endian = true
	buffer.data_array = data
	var values := []
	for i in buffer.get_16():
		values.append(buffer.get_data(buffer.get_32())[1].get_string_from_ascii())
	return values
