extends SceneTree
## Quits with live objects of every class in every state.

var _kept: Array = []


func _initialize() -> void:
	var server := TCPServerRs.new()
	server.listen(0, "127.0.0.1")
	var uds_server := UDSServerRs.new()
	uds_server.listen(OS.get_cmdline_user_args()[0])
	var connected := StreamPeerTCPRs.new()
	connected.connect_to_host("127.0.0.1", server.get_local_port())
	while connected.get_status() == StreamPeerTCPRs.STATUS_CONNECTING:
		connected.poll()
	var served := server.take_connection()
	served.put_string("unread")
	var connecting := StreamPeerTCPRs.new()
	connecting.connect_to_host("127.0.0.1", server.get_local_port())
	var uds := StreamPeerUDSRs.new()
	uds.connect_to_host(OS.get_cmdline_user_args()[0])
	var packets := PacketPeerSocketRs.new()
	packets.stream = connected
	var group := StreamPeerSocketGroupRs.new()
	group.add(packets)
	group.accept_from(server, PacketPeerSocketRs.new())
	_kept = [server, uds_server, connected, served, connecting, uds, StreamPeerTCPRs.new(),
			Scripted.new(), packets, group]
	root.set_meta("peer", connected)
	print("status %d %d %d" % [connected.get_status(), served.get_status(), uds.get_status()])
	quit()


class Scripted extends StreamPeerUDSRs:
	var other := TCPServerRs.new()
