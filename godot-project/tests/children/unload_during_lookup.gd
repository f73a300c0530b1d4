extends SceneTree
## Unloads the addon after or during a lookup. This script must not name the addon's classes as
## types. Argument: the name to look up. The lookup of `hang.test` is still in progress at the
## unload. With other names the addon is loaded again and used.

const EXTENSION := "res://addons/stream_peer_socket_rs/stream_peer_socket_rs.gdextension"


func _initialize() -> void:
	_run(OS.get_cmdline_user_args()[0])


func _run(name: String) -> void:
	await _look_up(name)
	print("unload %d" % GDExtensionManager.unload_extension(EXTENSION))
	print("class there %s" % ClassDB.class_exists("StreamPeerTCPRs"))
	if name != "hang.test":
		print("load %d" % GDExtensionManager.load_extension(EXTENSION))
		await _look_up(name)
		print("exchanged %d" % _exchange())
	quit()


func _look_up(name: String) -> void:
	var log_path := OS.get_environment("RESOLVER_LOG")
	var peer: StreamPeer = ClassDB.instantiate("StreamPeerTCPRs")
	peer.call("connect_to_host", name, 80)
	var deadline := Time.get_ticks_msec() + 10000
	while not FileAccess.file_exists(log_path) and Time.get_ticks_msec() < deadline:
		OS.delay_usec(200)
	while name != "hang.test" and peer.call("get_status") == 1:
		peer.call("poll")
	# A suspended function keeps its variables, and an object must not outlive its class.
	peer = null
	# Gives the resolver thread time to become idle.
	for i in 10:
		await process_frame
	print("asked %s" % FileAccess.file_exists(log_path))


func _exchange() -> int:
	var server: RefCounted = ClassDB.instantiate("TCPServerRs")
	server.call("listen", 0, "127.0.0.1")
	var peer: StreamPeer = ClassDB.instantiate("StreamPeerTCPRs")
	peer.call("connect_to_host", "127.0.0.1", server.call("get_local_port"))
	while peer.call("get_status") == 1:
		peer.call("poll")
	peer.put_u8(5)
	var served: StreamPeer = null
	while served == null:
		served = server.call("take_connection")
	return served.get_u8()
