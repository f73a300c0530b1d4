extends SceneTree
## A group that runs out of descriptors while it accepts, and gets some back. To be run with few
## descriptors.
##
## Arguments: `tcp` or `uds`, a path.

const Endpoint := preload("res://tests/support/endpoint.gd")
const Family := preload("res://tests/support/family.gd")

const CLIENTS := 5
const PATIENCE_MSEC := 10_000


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	var family := Family.ours()
	var end := Endpoint.new()
	end.open(family, arguments[0], arguments[1])
	var group := StreamPeerSocketGroupRs.new()
	group.accept_from(end.server)
	var clients: Array[StreamPeer] = []
	for i in CLIENTS:
		clients.append(family.peer(arguments[0]))
		end.connect_peer(clients[i])
		while clients[i].get_status() == 1:
			clients[i].poll()
	var files: Array[FileAccess] = []
	while files.is_empty() or files[-1] != null:
		files.append(FileAccess.open("res://project.godot", FileAccess.READ))
	# The last entry is null, and closing the one before it frees one descriptor.
	files.resize(files.size() - 2)
	for i in 3:
		group.poll()
	print("not all are accepted %s" % (group.get_count() < CLIENTS + 1))
	files.clear()
	var end_msec := Time.get_ticks_msec() + PATIENCE_MSEC
	while group.get_count() < CLIENTS + 1 and Time.get_ticks_msec() < end_msec:
		group.poll(10)
	print("later %d" % (group.get_count() - 1))
	quit()
