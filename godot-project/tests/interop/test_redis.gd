extends "res://tests/support/test_case.gd"
## The client in `examples/` with Redis, over TCP and a Unix domain socket.

const RedisClient := preload("res://examples/redis_client.gd")

const MANY := 10_000
const BIG := 8 << 20


func test_ten_thousand_commands_are_answered_in_order() -> void:
	for kind: String in ["tcp", "uds"]:
		var redis := await _client(kind)
		for i in MANY:
			redis.put(["SET", "%s:%d" % [kind, i], i * i])
			redis.put(["GET", "%s:%d" % [kind, i]])
		var wrong := 0
		for i in MANY:
			var stored: Variant = await redis.answer()
			var got: Variant = await redis.answer()
			wrong += int(stored != "OK".to_ascii_buffer() or got != str(i * i).to_ascii_buffer())
		check_eq([wrong, redis.error], [0, OK], kind + ": wrong answers")
		check_eq(await redis.command(["DBSIZE"]), MANY, kind + ": keys")
		await redis.command(["FLUSHALL"])
		redis.close()


func test_a_big_value_is_stored_unchanged() -> void:
	var value := PackedByteArray()
	value.resize(BIG)
	for i in range(0, BIG, 4093):
		value[i] = (i / 4093) % 256
	for kind: String in ["tcp", "uds"]:
		var redis := await _client(kind)
		check_eq((await redis.command(["SET", "big", value])).get_string_from_ascii(), "OK",
				kind + ": SET")
		check(await redis.command(["GET", "big"]) == value, kind + ": GET")
		check_eq(await redis.command(["DEL", "big"]), 1, kind + ": DEL")
		redis.close()


func test_published_messages_reach_a_subscriber() -> void:
	for kind: String in ["tcp", "uds"]:
		var reader := await _client(kind)
		var writer := await _client("tcp")
		check_eq(await reader.command(["SUBSCRIBE", kind]),
				["subscribe".to_ascii_buffer(), kind.to_ascii_buffer(), 1],
				kind + ": SUBSCRIBE")
		for i in 100:
			writer.put(["PUBLISH", kind, "message %d" % i])
		for i in 100:
			check_eq(await writer.answer(), 1, kind + ": the number of receivers")
			var message: Array = await reader.answer()
			check_eq(message[2].get_string_from_ascii(), "message %d" % i, kind + ": the message")
		reader.close()
		writer.close()


func test_an_error_of_a_command_keeps_the_connection() -> void:
	var redis := await _client("uds")
	check_null(await redis.command(["NONSENSE"]), "the answer")
	check_eq(redis.error, FAILED, "the error")
	check(redis.error_message.begins_with("ERR unknown command"),
			"the message: " + redis.error_message)
	check_null(await redis.command(["GET", "nothing"]), "a missing value")
	check_eq(redis.error, OK, "no error for a missing value")
	# The server answers QUIT and ends the connection.
	check_eq((await redis.command(["QUIT"])).get_string_from_ascii(), "OK", "QUIT")
	check_null(await redis.command(["PING"]), "after the end")
	check_eq(redis.error, ERR_CONNECTION_ERROR, "the error after the end")


func _client(kind: String) -> RedisClient:
	var redis := RedisClient.new()
	var error := OK
	if kind == "tcp":
		error = await redis.connect_to_server(LOOPBACK, OS.get_environment("INTEROP_REDIS_PORT").to_int())
	else:
		error = await redis.connect_to_path(OS.get_environment("INTEROP_REDIS_PATH"))
	check_eq(error, OK, kind + ": connect: " + redis.error_message)
	return redis
