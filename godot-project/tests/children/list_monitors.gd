extends SceneTree
## Prints the names of the custom monitors, and the status of a peer, which shows that the addon is
## loaded.


func _initialize() -> void:
	var peer: Object = ClassDB.instantiate("StreamPeerTCPRs")
	print(Performance.get_custom_monitor_names())
	print("listed, status ", peer.get_status())
	quit()
