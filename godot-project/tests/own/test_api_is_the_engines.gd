extends "res://tests/support/test_case.gd"
## Our classes have every method, property, constant and default of the engine's classes in ClassDB.

const CLASSES := ["StreamPeerSocket", "StreamPeerTCP", "StreamPeerUDS", "SocketServer", "TCPServer",
		"UDSServer", "WebSocketPeer"]


func test_methods_match_the_engines() -> void:
	if not ClassDB.class_exists("StreamPeerSocket"):
		return skip("the engine has this family from Godot 4.6 on")
	for engine_class: String in CLASSES:
		var ours := _methods(family.class_of(engine_class))
		var theirs := _methods(engine_class)
		check(not theirs.is_empty(), engine_class + " has methods")
		for method_name: String in theirs:
			var expected := _described(theirs[method_name])
			var actual := _described(ours[method_name]) if ours.has(method_name) else {}
			check_eq(actual, expected, "%s.%s" % [engine_class, method_name])


func test_enums_and_constants_match_the_engines() -> void:
	if not ClassDB.class_exists("StreamPeerSocket"):
		return skip("the engine has this family from Godot 4.6 on")
	for engine_class: String in CLASSES:
		var ours: String = family.class_of(engine_class)
		check_eq(ClassDB.class_get_enum_list(ours, true), ClassDB.class_get_enum_list(engine_class, true),
				engine_class + ": enums")
		for constant in ClassDB.class_get_integer_constant_list(engine_class):
			check(ClassDB.class_has_integer_constant(ours, constant), "%s.%s exists" % [ours, constant])
			check_eq(ClassDB.class_get_integer_constant(ours, constant),
					ClassDB.class_get_integer_constant(engine_class, constant), "%s.%s" % [ours, constant])
			check_eq(ClassDB.class_get_integer_constant_enum(ours, constant),
					ClassDB.class_get_integer_constant_enum(engine_class, constant), "the enum of " + constant)


func test_properties_match_the_engines() -> void:
	if not ClassDB.class_exists("StreamPeerSocket"):
		return skip("the engine has this family from Godot 4.6 on")
	var count := 0
	for engine_class: String in CLASSES:
		var our_class: String = family.class_of(engine_class)
		var ours := _types_of_properties(our_class)
		var theirs := _types_of_properties(engine_class)
		count += theirs.size()
		for property: String in theirs:
			var what := "%s.%s" % [our_class, property]
			if not check(ours.has(property), what + " exists"):
				continue
			var default: Variant = ClassDB.class_get_property_default_value(engine_class, property)
			var type: int = theirs[property]
			if default != null:
				# The engine declares heartbeat_interval as an int, though its value is a float.
				type = typeof(default)
				# ClassDB has no defaults of classes of an extension.
				check_eq(ClassDB.instantiate(our_class).get(property), default, what + ": the default")
			check_eq(ours[property], type, what + ": the type")
			for accessor: String in ["class_get_property_getter", "class_get_property_setter"]:
				check_eq(ClassDB.call(accessor, our_class, property),
						ClassDB.call(accessor, engine_class, property), "%s: %s" % [what, accessor])
	check(count > 0, "the engine's classes have properties")


func test_defaults_work_in_a_call() -> void:
	var server := TCPServerRs.new()
	check_eq(server.listen(0), OK, "listen without an address")
	var peer := StreamPeerTCPRs.new()
	check_eq(peer.bind(0), OK, "bind without an address")
	check_eq(peer.connect_to_host(LOOPBACK, server.get_local_port()), OK, "connect_to_host")
	settle(peer)
	check_eq(peer.get_status(), STATUS_CONNECTED, "status")


func _methods(name: String) -> Dictionary:
	var methods := {}
	for method in ClassDB.class_get_method_list(name, true):
		methods[method["name"]] = method
	return methods


func _types_of_properties(name: String) -> Dictionary:
	var types := {}
	for property in ClassDB.class_get_property_list(name, true):
		types[property["name"]] = property["type"]
	return types


# The parts of a method that a caller sees: names, types, defaults and flags. ClassDB's numbers and
# editor hints are left out.
func _described(method: Dictionary) -> Dictionary:
	return {
		"arguments": method["args"].map(_described_value),
		"defaults": method["default_args"],
		"flags": method["flags"],
		"returns": _described_value(method["return"]),
	}


func _described_value(value: Dictionary) -> String:
	# A release build of the engine has no argument names.
	var argument: String = value["name"] if OS.is_debug_build() else ""
	# The engine's StreamPeerSocket.Status corresponds to our StreamPeerSocketRs.Status. All other
	# types are equal.
	var type: String = value["class_name"]
	for engine_class: String in CLASSES:
		if type == family.class_of(engine_class):
			type = engine_class
		elif type.begins_with(family.class_of(engine_class) + "."):
			type = type.replace(family.class_of(engine_class), engine_class)
	return "%s: type %d %s, usage %d" % [argument, value["type"], type, value["usage"]]
