extends SceneTree


func _init() -> void:
	var is_there := ClassDB.class_exists(&"StreamPeerTCPRs")
	print("StreamPeerTCPRs is there" if is_there else "StreamPeerTCPRs is not there")
	quit()
