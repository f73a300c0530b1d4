extends SceneTree
## Makes the mistakes that give hints, and the correct versions of them. Prints a line for each to
## standard error, so that the lines stay in order with the hints.

## Longer than the 5 seconds after which hints are printed.
const SECONDS := 7.0
## A longer frame counts as this long. The library counts up to a second, so no hint is late.
const LONGEST_FRAME := 0.5
## An object older than this gets no hint when it is freed. If a busy machine is slower, "too late"
## is printed and the mistake is repeated, at most [constant ATTEMPTS] times.
const EARLY_MSEC := 100
const ATTEMPTS := 20

var group := StreamPeerSocketGroupRs.new()
var server := TCPServerRs.new()
var kept: Array[RefCounted] = []


func _initialize() -> void:
	OS.low_processor_usage_mode = true
	_local_variables()
	server.listen(0, "127.0.0.1")
	var port := server.get_local_port()
	printerr("port ", port)
	_packets()
	# Nobody polls these.
	var unpolled := StreamPeerTCPRs.new()
	unpolled.connect_to_host("127.0.0.1", port)
	var asked := StreamPeerTCPRs.new()
	asked.connect_to_host("127.0.0.1", port)
	# These are polled: each frame, by a group, or once.
	var polled := StreamPeerTCPRs.new()
	polled.connect_to_host("127.0.0.1", port)
	polled.auto_poll = true
	var member := StreamPeerTCPRs.new()
	group.add(member)
	member.connect_to_host("127.0.0.1", port)
	var once := StreamPeerTCPRs.new()
	once.connect_to_host("127.0.0.1", port)
	once.poll()
	# This one ends before a hint is due.
	var ended := StreamPeerTCPRs.new()
	ended.connect_to_host("127.0.0.1", port)
	ended.disconnect_from_host()
	kept.append_array([unpolled, polled, member, once, ended])
	var seconds := 0.0
	var before := Time.get_ticks_usec()
	while seconds < SECONDS:
		await process_frame
		group.poll()
		asked.get_status()
		var now := Time.get_ticks_usec()
		seconds += minf((now - before) / 1e6, LONGEST_FRAME)
		before = now
	printerr("status of an unpolled peer: ", unpolled.get_status())
	# A hint for an object comes once.
	asked.disconnect_from_host()
	asked.connect_to_host("127.0.0.1", port)
	for _i in 120:
		OS.delay_msec(50)
		asked.get_status()
	# Without frames, `get_status` counts the time.
	var blocking := StreamPeerTCPRs.new()
	blocking.connect_to_host("127.0.0.1", port)
	printerr("asks")
	for _i in 120:
		OS.delay_msec(50)
		blocking.get_status()
	printerr("done")
	quit()


## Pairs in which one end sends bytes that are not a packet for the other end.
func _packets() -> void:
	var short := PacketPeerSocketRs.new()
	short.length_bytes = 2
	short.auto_poll = true
	_pair(short).put_data("hello\n".to_ascii_buffer())
	var lines := PacketPeerSocketRs.new()
	lines.framing = PacketPeerSocketRs.FRAMING_DELIMITER
	_pair(lines).put_data("\u0001 \"no end\" and more than 16 bytes".to_ascii_buffer())
	group.add(lines)
	var headers := PacketPeerSocketRs.new()
	headers.framing = PacketPeerSocketRs.FRAMING_CONTENT_LENGTH
	headers.auto_poll = true
	_pair(headers).put_data("{}".to_ascii_buffer())
	# A packet that arrives slowly, one that nobody takes, and one whose rest nobody reads.
	var slow := PacketPeerSocketRs.new()
	slow.auto_poll = true
	var sender := _pair(slow)
	sender.put_data([100, 0, 0, 0])
	var timer := Timer.new()
	timer.autostart = true
	timer.timeout.connect(sender.put_u8.bind(0))
	root.add_child.call_deferred(timer)
	var whole := PacketPeerSocketRs.new()
	whole.auto_poll = true
	_pair(whole).put_data([1, 0, 0, 0, 0])
	var unpolled := PacketPeerSocketRs.new()
	sender = _pair(unpolled)
	sender.put_data([1, 0])
	while unpolled.stream.get_available_bytes() < 2:
		unpolled.get_available_packet_count()
	sender.put_data([0, 0, 0])
	kept.append_array([short, headers, slow, whole, unpolled])


## Gives `packets` a stream, and returns the other end.
func _pair(packets: PacketPeerSocketRs) -> StreamPeerTCPRs:
	var sender := StreamPeerTCPRs.new()
	sender.connect_to_host("127.0.0.1", server.get_local_port())
	while sender.get_status() == StreamPeerTCPRs.STATUS_CONNECTING or not packets.stream:
		sender.poll()
		if server.is_connection_available():
			packets.stream = server.take_connection()
	kept.append(sender)
	return sender


func _local_variables() -> void:
	for mistake: Callable in [_tcp_server, _uds_server, _group, _stopped, _used, _unused, _kept,
			_empty_group, _polled_group]:
		for i in ATTEMPTS:
			printerr("== ", mistake.get_method())
			var began := Time.get_ticks_msec()
			mistake.call()
			if Time.get_ticks_msec() - began < EARLY_MSEC:
				break
			printerr("too late")
	printerr("== end")


func _tcp_server() -> void:
	var local := TCPServerRs.new()
	local.connection_available.connect(_on_event)
	local.auto_poll = true
	local.listen(0, "127.0.0.1")


func _uds_server() -> void:
	var local := UDSServerRs.new()
	local.connection_available.connect(_on_event)
	local.listen(OS.get_cmdline_user_args()[0])
	local.auto_poll = true


func _group() -> void:
	var local := StreamPeerSocketGroupRs.new()
	local.peer_connected.connect(_on_event.unbind(1))
	var listening := TCPServerRs.new()
	listening.listen(0, "127.0.0.1")
	listening.auto_poll = true
	local.auto_poll = true
	local.accept_from(listening)
	local.add(StreamPeerTCPRs.new())


func _stopped() -> void:
	var local := TCPServerRs.new()
	local.connection_available.connect(_on_event)
	local.auto_poll = true
	local.listen(0, "127.0.0.1")
	local.stop()


func _used() -> void:
	var local := TCPServerRs.new()
	local.connection_available.connect(_on_event)
	local.auto_poll = true
	local.listen(0, "127.0.0.1")
	local.poll()


## Nobody expects signals of it.
func _unused() -> void:
	var local := TCPServerRs.new()
	local.auto_poll = true
	local.listen(0, "127.0.0.1")


func _kept() -> void:
	var local := TCPServerRs.new()
	local.connection_available.connect(_on_event)
	local.auto_poll = true
	local.listen(0, "127.0.0.1")
	kept.append(local)


func _empty_group() -> void:
	var local := StreamPeerSocketGroupRs.new()
	local.peer_connected.connect(_on_event.unbind(1))
	local.auto_poll = true
	var peer := StreamPeerTCPRs.new()
	local.add(peer)
	local.remove(peer)


func _polled_group() -> void:
	var local := StreamPeerSocketGroupRs.new()
	local.peer_connected.connect(_on_event.unbind(1))
	local.auto_poll = true
	local.add(StreamPeerTCPRs.new())
	local.poll()


func _on_event() -> void:
	pass
