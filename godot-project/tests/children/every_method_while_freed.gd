extends SceneTree
## Scripts that extend our classes call every method of their class while their object is freed.
## Prints "CLASS: over" after all methods of a class have returned.

const AddonClasses := preload("res://tests/support/addon_classes.gd")

const LITERALS := {
	TYPE_NIL: "null",
	TYPE_BOOL: "false",
	TYPE_INT: "0",
	TYPE_FLOAT: "0.0",
	TYPE_STRING: "\"\"",
	TYPE_STRING_NAME: "&\"\"",
	TYPE_OBJECT: "null",
	TYPE_CALLABLE: "Callable()",
	TYPE_ARRAY: "[]",
	TYPE_DICTIONARY: "{}",
	TYPE_PACKED_BYTE_ARRAY: "PackedByteArray()",
	TYPE_PACKED_STRING_ARRAY: "PackedStringArray()",
}


func _initialize() -> void:
	for name in AddonClasses.all():
		if ClassDB.can_instantiate(name):
			# Nothing else refers to the object.
			_script_of(name).call("new")
	await _request()
	quit()


# A script with a call of each method of the class and of those of its bases that are ours, with all
# arguments, and without those that have a default.
func _script_of(name: String) -> GDScript:
	var lines: Array[String] = []
	var owner: String = name
	while owner.ends_with("Rs"):
		for method: Dictionary in ClassDB.class_get_method_list(owner, true):
			if (method["name"] as String).begins_with("_"):
				continue
			var arguments: Array = method["args"].map(
					func(argument: Dictionary) -> String: return LITERALS[argument["type"]])
			var needed: int = arguments.size() - (method["default_args"] as Array).size()
			for some: Array in [arguments, arguments.slice(0, needed)]:
				lines.append("\t\tsuper.%s(%s)\n" % [method["name"], ", ".join(some)])
		owner = ClassDB.get_parent_class(owner)
	var script := GDScript.new()
	script.source_code = ("extends %s\n\n\nfunc _notification(what: int) -> void:\n"
			+ "\tif what == NOTIFICATION_PREDELETE:\n%s\t\tprint(\"%s: over\")\n") % [
			name, "".join(lines), name]
	var error: Error = script.reload()
	if error != OK:
		print("%s: cannot be extended: %d" % [name, error])
	return script


# A script cannot make the object of a request, so it gets one.
func _request() -> void:
	var server := HTTPServerRs.new()
	server.listen(0)
	var peer := StreamPeerTCPRs.new()
	peer.connect_to_host("127.0.0.1", server.get_local_port())
	var requests: Array[HTTPServerRequestRs] = []
	server.route("GET", "/", requests.append)
	var is_sent := false
	while requests.is_empty():
		peer.poll()
		if peer.get_status() == StreamPeerTCPRs.STATUS_CONNECTED and not is_sent:
			peer.put_data("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_utf8_buffer())
			is_sent = true
		server.poll()
		await process_frame
	requests[0].set_script(_script_of("HTTPServerRequestRs"))
	requests.clear()
