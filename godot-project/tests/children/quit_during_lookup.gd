extends SceneTree
## Quits while lookups are in progress. Arguments: what to do before, and the number of lookups.
## `nothing`: no lookup. `connecting`: quit with live peers. `dropped`: free them first.
## `cancelled`: disconnect them first.

var _peers: Array[StreamPeerTCPRs] = []


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	if arguments[0] == "nothing":
		return quit()
	var log_path := OS.get_environment("RESOLVER_LOG")
	for i in arguments[1].to_int():
		var peer := StreamPeerTCPRs.new()
		peer.auto_poll = true
		print("connect %d" % peer.connect_to_host("hang.test", 80))
		_peers.append(peer)
	var deadline := Time.get_ticks_msec() + 10000
	while not _has_line(log_path) and Time.get_ticks_msec() < deadline:
		OS.delay_usec(200)
	print("asked %s" % _has_line(log_path))
	match arguments[0]:
		"dropped":
			_peers.clear()
		"cancelled":
			for peer in _peers:
				peer.disconnect_from_host()
				print("status %d" % peer.get_status())
	quit()


func _has_line(path: String) -> bool:
	return (FileAccess.file_exists(path)
			and FileAccess.get_file_as_string(path).begins_with("hang.test\n"))
