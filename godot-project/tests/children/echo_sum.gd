extends SceneTree
## Reads numbers with blocking calls from the port in its argument, and answers their sum.


func _initialize() -> void:
	var peer := StreamPeerTCPRs.new()
	peer.connect_to_host("127.0.0.1", OS.get_cmdline_user_args()[0].to_int())
	while peer.get_status() == StreamPeerTCPRs.STATUS_CONNECTING:
		peer.poll()
		OS.delay_usec(200)
	var bytes: Array = peer.get_data(1000)
	var sum := 0
	for byte: int in bytes[1]:
		sum += byte
	peer.put_32(bytes[0])
	peer.put_32(sum)
	peer.disconnect_from_host()
	quit()
