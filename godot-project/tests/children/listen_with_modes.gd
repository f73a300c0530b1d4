extends SceneTree
## Listens with several modes at paths in the folder that the argument names. Prints for each the
## result and the mode of the file.


func _initialize() -> void:
	var folder := OS.get_cmdline_user_args()[0]
	print("proc %s" % DirAccess.dir_exists_absolute("/proc/self"))
	for mode: int in [-1, 384, 511]:
		var server := UDSServerRs.new()
		server.socket_mode = mode
		var path := folder.path_join("m%d" % mode)
		var error := server.listen(path)
		print("mode %d: %d, %d %s"
				% [mode, error, FileAccess.get_unix_permissions(path), server.get_last_error_message()])
		server.stop()
	quit()
