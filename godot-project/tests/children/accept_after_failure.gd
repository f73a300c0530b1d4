extends SceneTree
## Takes a client while no descriptor is free, and again once one is free. Prints after each call
## whether get_last_error is set.


func _initialize() -> void:
	var server := TCPServerRs.new()
	server.listen(0, "127.0.0.1")
	var client := StreamPeerTCPRs.new()
	client.connect_to_host("127.0.0.1", server.get_local_port())
	while client.get_status() != StreamPeerTCPRs.STATUS_CONNECTED:
		client.poll()
	var files := []
	while true:
		var file := FileAccess.open("res://project.godot", FileAccess.READ)
		if file == null:
			break
		files.append(file)
	print("taken: ", server.take_connection() != null, ", error: ", server.get_last_error() != OK)
	files.clear()
	var served: StreamPeerTCPRs = null
	for tries in 1000:
		if served == null:
			served = server.take_connection()
	print("taken: ", served != null, ", error: ", server.get_last_error() != OK)
	quit()
