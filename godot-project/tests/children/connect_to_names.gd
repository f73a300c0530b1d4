extends SceneTree
## Connects to a port of one name after another, and prints for each the name, the milliseconds that
## the call took, and the final status and host.
##
## Arguments: the family, the port, the names.

const Family := preload("res://tests/support/family.gd")
const PATIENCE_MSEC := 15000


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	var family := Family.ours() if arguments[0] == "ours" else Family.engine()
	for name in arguments.slice(2):
		var peer: StreamPeer = family.tcp_peer()
		var start := Time.get_ticks_msec()
		peer.connect_to_host(name, arguments[1].to_int())
		var taken := Time.get_ticks_msec() - start
		while peer.get_status() == 1 and Time.get_ticks_msec() - start < PATIENCE_MSEC:
			peer.poll()
			OS.delay_usec(200)
		print("%s %d %d %s" % [name, taken, peer.get_status(), peer.get_connected_host()])
	quit()
