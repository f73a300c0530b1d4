extends SceneTree
## Connects to a server that never closes, more often than this process has descriptors, then opens
## a file and a server. Arguments: a port, and how often to connect.


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	var failed := 0
	for i in arguments[1].to_int():
		var peer := StreamPeerTCPRs.new()
		peer.connect_to_host("127.0.0.1", arguments[0].to_int())
		while peer.get_status() == StreamPeerTCPRs.STATUS_CONNECTING:
			peer.poll()
		if peer.put_data([1]) != OK:
			failed += 1
		peer.disconnect_from_host()
	print("failed %d" % failed)
	print("a file %s" % (FileAccess.open("res://project.godot", FileAccess.READ) != null))
	print("listen %d" % TCPServerRs.new().listen(0, "127.0.0.1"))
	quit()
