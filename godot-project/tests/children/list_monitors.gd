extends SceneTree
## Prints the names of the monitors that are not the engine's, and uses a peer, so that it is sure
## to have the addon.


func _initialize() -> void:
	var peer: Object = ClassDB.instantiate("StreamPeerTCPRs")
	print(Performance.get_custom_monitor_names())
	print("listed, status ", peer.get_status())
	quit()
