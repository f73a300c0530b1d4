extends SceneTree
## A server whose process runs out of descriptors while a connection waits, and gets some back. To
## be run with few descriptors.
##
## Arguments: `tcp` or `uds`, a path.

const Endpoint := preload("res://tests/support/endpoint.gd")
const Family := preload("res://tests/support/family.gd")

## More connections than this would mean an endless loop.
const TOO_MANY := 1000


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	var family := Family.ours()
	var end := Endpoint.new()
	end.open(family, arguments[0], arguments[1])
	var client: StreamPeer = family.peer(arguments[0])
	var files: Array[FileAccess] = []
	_use_up(files)
	# Frees descriptors until the client can connect.
	Engine.print_error_messages = false
	while end.connect_peer(client) != OK and not files.is_empty():
		files.pop_back()
	Engine.print_error_messages = true
	while client.get_status() == 1:
		client.poll()
	_use_up(files)

	print("available %s" % end.server.is_connection_available())
	var taken := 0
	while end.server.is_connection_available() and taken < TOO_MANY:
		end.server.take_connection()
		taken += 1
	print("taken %d" % taken)
	print("%s, error %d, system %d"
			% [end.server.get_last_error_message(), end.server.get_last_error(),
			end.server.get_last_os_error()])
	print("poll %d" % end.server.poll())
	print("takes nothing %s" % (end.server.take_connection() == null))
	Engine.print_error_messages = false
	var peer: StreamPeer = family.peer(arguments[0])
	var error := end.connect_peer(peer)
	Engine.print_error_messages = true
	print("connect %d, status %d, %s" % [error, peer.get_status(), _reason(peer)])
	var server: RefCounted = family.server(arguments[0])
	Engine.print_error_messages = false
	error = (server.listen(0, "127.0.0.1") if arguments[0] == "tcp"
			else server.listen(arguments[1] + "-2"))
	Engine.print_error_messages = true
	print("listen %d, %s" % [error, _reason(server)])
	print("still listening %s" % end.server.is_listening())

	files.clear()
	var available: bool = end.server.is_connection_available()
	var served: StreamPeer = end.server.take_connection()
	served.put_u8(5)
	print("later: available %s, byte %d, more %s"
			% [available, client.get_u8(), end.server.is_connection_available()])
	quit()


func _use_up(files: Array[FileAccess]) -> void:
	while true:
		var file := FileAccess.open("res://project.godot", FileAccess.READ)
		if file == null:
			return
		files.append(file)


# The system's part of the error message.
func _reason(object: Object) -> String:
	return object.get_last_error_message().get_slice(": ",
			object.get_last_error_message().get_slice_count(": ") - 1)
