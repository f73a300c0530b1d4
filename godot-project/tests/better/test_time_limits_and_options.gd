extends "res://tests/support/test_case.gd"
## Time limits of calls that wait, and socket options that a script can set.

const MORE_THAN_THE_SYSTEM_TAKES := 64 << 20


func test_a_read_can_time_out() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.set("read_timeout", 0.05)
		var reader := in_thread(func() -> Array: return pair.client.get_data(1))
		_ends(reader, pair, kind + ": get_data")


func test_a_write_can_time_out_or_be_queued() -> void:
	for kind: String in family.kinds():
		for property: String in ["write_timeout", "write_buffer_limit"]:
			var pair := link(kind)
			pair.client.set(property, 0.05 if property == "write_timeout" else 1 << 20)
			var bytes := PackedByteArray()
			bytes.resize(MORE_THAN_THE_SYSTEM_TAKES)
			var writer := in_thread(func() -> int: return pair.client.put_data(bytes))
			_ends(writer, pair, "%s: put_data with a %s" % [kind, property])


func test_keep_alive_user_timeout_and_linger_can_be_set() -> void:
	var pair := link("tcp")
	for method: String in ["set_keep_alive", "set_user_timeout", "set_linger"]:
		if not check(pair.client.has_method(method), "a method " + method):
			continue
		if method == "set_user_timeout" and not OS.has_feature("linux"):
			leave_out("only Linux has a user timeout")
		elif method == "set_keep_alive" and System.is_wine():
			leave_out("Wine has no TCP_KEEPCNT")
		else:
			check_eq(pair.client.call(method, true if method == "set_keep_alive" else 5.0), OK, method)


func _ends(thread: Thread, pair: Link, what: String) -> void:
	spin_until(func() -> bool: return not thread.is_alive(), what + " to end", 3.0)
	# This ends the call in any case.
	pair.served.disconnect_from_host()
	var client_is_waiting := thread.is_alive()
	join(thread, what)
	if not client_is_waiting:
		check_eq(pair.client.get_status(), STATUS_CONNECTED, what + ": status after it")
