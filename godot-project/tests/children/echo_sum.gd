extends SceneTree
## Reads bytes with a blocking call, and answers their sum. Arguments: the port, and the family if
## it is not ours.

const Family := preload("res://tests/support/family.gd")


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	var family := Family.engine() if arguments.has("engine") else Family.ours()
	var peer: StreamPeer = family.tcp_peer()
	peer.connect_to_host("127.0.0.1", arguments[0].to_int())
	while peer.get_status() == 1:
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
