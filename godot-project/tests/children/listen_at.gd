extends SceneTree
## Listens at the path in its argument, and prints the outcome.


func _initialize() -> void:
	var server := UDSServerRs.new()
	var error := server.listen(OS.get_cmdline_user_args()[0])
	print("listen %d, last %d, system %d"
			% [error, server.get_last_error(), server.get_last_os_error()])
	print(server.get_last_error_message())
	quit()
