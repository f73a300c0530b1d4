extends SceneTree
## Unloads the addon after its objects used auto_poll, and loads it again. This script must not name
## the addon's classes as types.

const EXTENSION := "res://addons/stream_peer_socket_rs/stream_peer_socket_rs.gdextension"


func _initialize() -> void:
	for round in 2:
		var peer: StreamPeer = ClassDB.instantiate("StreamPeerTCPRs")
		peer.set("auto_poll", true)
		for i in 3:
			await process_frame
		# A suspended function keeps its variables, and an object must not outlive its class.
		peer = null
		print("unload %d" % GDExtensionManager.unload_extension(EXTENSION))
		for i in 3:
			await process_frame
		print("load %d" % GDExtensionManager.load_extension(EXTENSION))
	print("over")
	quit()
