extends "res://tests/support/test_case.gd"
## The classes as ClassDB and scripts see them: inheritance, the enum, and the lifetime of objects.


func test_each_class_has_its_documented_parent() -> void:
	var parents := {
		"StreamPeerSocketRs": "StreamPeerExtension",
		"StreamPeerTCPRs": "StreamPeerSocketRs",
		"StreamPeerUDSRs": "StreamPeerSocketRs",
		"SocketServerRs": "RefCounted",
		"TCPServerRs": "SocketServerRs",
		"UDSServerRs": "SocketServerRs",
	}
	for name: String in parents:
		check_eq(String(ClassDB.get_parent_class(name)), parents[name], "the parent of " + name)


func test_base_classes_cannot_be_instantiated() -> void:
	check_eq(ClassDB.can_instantiate("HTTPServerRequestRs"), false, "can_instantiate a request")
	for name in ["StreamPeerSocketRs", "SocketServerRs"]:
		check_eq(ClassDB.can_instantiate(name), false, "can_instantiate " + name)
		check_null(quietly(func() -> Object: return ClassDB.instantiate(name)), "instantiate " + name)
	for name in ["StreamPeerTCPRs", "StreamPeerUDSRs", "TCPServerRs", "UDSServerRs"]:
		check_eq(ClassDB.can_instantiate(name), true, "can_instantiate " + name)


func test_is_and_get_class_follow_the_inheritance() -> void:
	var tcp: Object = StreamPeerTCPRs.new()
	check(tcp is StreamPeerTCPRs and tcp is StreamPeerSocketRs and tcp is StreamPeerExtension
			and tcp is StreamPeer, "tcp is")
	check(not tcp is StreamPeerUDSRs, "tcp is not uds")
	var uds: Object = StreamPeerUDSRs.new()
	check(uds is StreamPeerUDSRs and uds is StreamPeerSocketRs, "uds is")
	check(not uds is StreamPeerTCPRs, "uds is not tcp")
	var tcp_server: Object = TCPServerRs.new()
	check(tcp_server is TCPServerRs and tcp_server is SocketServerRs and tcp_server is RefCounted,
			"tcp server is")
	check(not tcp_server is UDSServerRs, "tcp server is not uds server")
	var uds_server: Object = UDSServerRs.new()
	check(uds_server is UDSServerRs and uds_server is SocketServerRs, "uds server is")
	check_eq(tcp.get_class(), "StreamPeerTCPRs", "get_class")
	check_eq(uds.is_class("StreamPeerSocketRs"), true, "is_class of the base")
	check_eq(uds.is_class("StreamPeerTCPRs"), false, "is_class of the sibling")
	check_eq(uds_server.get_class(), "UDSServerRs", "get_class of a server")


func test_each_class_has_only_its_own_methods() -> void:
	var tcp: Object = StreamPeerTCPRs.new()
	var uds: Object = StreamPeerUDSRs.new()
	check(tcp.has_method("get_local_port") and tcp.has_method("poll"), "tcp has")
	check(uds.has_method("get_connected_path") and uds.has_method("poll"), "uds has")
	check(not uds.has_method("set_no_delay") and not uds.has_method("get_connected_host"),
			"uds has not")
	check(not tcp.has_method("get_connected_path"), "tcp has not")
	check(not UDSServerRs.new().has_method("get_local_port"), "uds server has not")


func test_derived_classes_inherit_the_status_constants() -> void:
	check_eq(StreamPeerSocketRs.STATUS_NONE, 0, "base")
	check_eq(StreamPeerTCPRs.STATUS_CONNECTING, 1, "tcp")
	check_eq(StreamPeerUDSRs.STATUS_CONNECTED, 2, "uds")
	check_eq(StreamPeerTCPRs.STATUS_ERROR, 3, "tcp")
	check_eq(Array(ClassDB.class_get_enum_constants("StreamPeerSocketRs", "Status", true)),
			["STATUS_NONE", "STATUS_CONNECTING", "STATUS_CONNECTED", "STATUS_ERROR"], "the enum of the base")
	var status: StreamPeerSocketRs.Status = StreamPeerUDSRs.new().get_status()
	check_eq(status, StreamPeerSocketRs.STATUS_NONE, "a variable of the enum's type")


func test_objects_work_through_variables_of_the_base_type() -> void:
	var tcp := endpoint("tcp")
	var base_server: SocketServerRs = tcp.server
	var peers: Array[StreamPeerSocketRs] = [StreamPeerTCPRs.new()]
	tcp.connect_peer(peers[0])
	var uds: Endpoint
	if family.kinds().has("uds"):
		uds = endpoint("uds")
		peers.append(StreamPeerUDSRs.new())
		uds.connect_peer(peers[1])
	for peer: StreamPeerSocketRs in peers:
		spin_until(func() -> bool:
			return peer.poll() != OK or peer.get_status() == StreamPeerSocketRs.STATUS_CONNECTED,
					"the connect")
		check_eq(peer.get_status(), StreamPeerSocketRs.STATUS_CONNECTED, "status through the base")
	spin_until(func() -> bool: return base_server.is_connection_available(), "a connection")
	var taken: StreamPeerSocketRs = base_server.take_socket_connection()
	check(taken is StreamPeerTCPRs, "the base server returns a peer of the derived class")
	var cast := taken as StreamPeerTCPRs
	check_eq(cast.get_connected_host(), LOOPBACK, "a cast to the derived class")
	check_null(taken as Object as StreamPeerUDSRs, "a cast to the sibling")
	taken.disconnect_from_host()
	reaches(peers[0], STATUS_NONE, "the end")
	base_server.stop()
	check_eq(base_server.is_listening(), false, "stop through the base")


func test_objects_are_freed_with_their_last_reference() -> void:
	var pair := link("tcp")
	for object: RefCounted in [StreamPeerTCPRs.new(), StreamPeerUDSRs.new(), TCPServerRs.new(),
			UDSServerRs.new()]:
		# One reference from the array, one from the loop variable.
		check_eq(object.get_reference_count(), 2, object.get_class())
	var engines := link("tcp", LOOPBACK, Family.engine())
	check_eq(pair.served.get_reference_count(), engines.served.get_reference_count(),
			"an accepted peer")
	var weak: WeakRef = weakref(pair.served)
	pair.served = null
	check_null(weak.get_ref(), "an accepted peer is gone with its last reference")
	weak = weakref(pair.endpoint.server)
	pair.endpoint.server = null
	check_null(weak.get_ref(), "a server is gone with its last reference")


func test_thousands_of_objects_leave_none_behind() -> void:
	var before: float = Performance.get_monitor(Performance.OBJECT_COUNT)
	for i in 5000:
		StreamPeerTCPRs.new()
		UDSServerRs.new()
	check_eq(Performance.get_monitor(Performance.OBJECT_COUNT), before, "objects left over")


func test_objects_made_on_many_threads_are_of_the_right_class() -> void:
	var threads: Array[Thread] = []
	for i in 4:
		threads.append(in_thread(func() -> int:
			var wrong := 0
			for round in 500:
				wrong += int(StreamPeerTCPRs.new().get_class() != "StreamPeerTCPRs")
				wrong += int(StreamPeerUDSRs.new().get_class() != "StreamPeerUDSRs")
				wrong += int(TCPServerRs.new().get_class() != "TCPServerRs")
				wrong += int(UDSServerRs.new().get_class() != "UDSServerRs")
			return wrong))
	for thread in threads:
		check_eq(join(thread, "a maker"), 0, "objects of a wrong class")


func test_the_bridges_own_method_returns_0_to_scripts() -> void:
	for object: Object in [StreamPeerTCPRs.new(), UDSServerRs.new(), PacketPeerSocketRs.new(),
			WebSocketPeerRs.new(), StreamPeerSocketGroupRs.new(), SocketRelayRs.new(),
			SocketConditionsRs.new(), HTTPServerRs.new()]:
		check_eq(object.call("_stream_socket_part"), 0, "part of " + object.get_class())


func test_static_methods_need_no_object() -> void:
	check_eq(PacketPeerSocketRs.encode_text("a").size(), 1, "called on the class")
	check_eq(PacketPeerSocketRs.new().encode_text("ab").size(), 2, "called on an object")
	var names: Array[String] = []
	for method: Dictionary in ClassDB.class_get_method_list("PacketPeerSocketRs", true):
		if method["flags"] & METHOD_FLAG_STATIC:
			names.append(method["name"])
	names.sort()
	check_eq(names, ["decode_json", "decode_text", "decode_var", "encode_json", "encode_text"],
			"the static methods")
