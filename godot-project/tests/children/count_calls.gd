extends SceneTree
## Makes calls on connected peers for `support/system_calls.gd`, which traces this process.
## Arguments: the family, and the name of the case.

const Family := preload("res://tests/support/family.gd")
const SystemCalls := preload("res://tests/support/system_calls.gd")

## How often each case makes its call.
const TIMES := 100
## The peers of a case with many peers. Each takes two descriptors, and a process may have 1024.
const MANY := 400
## The WebSockets that each receive a message.
const WEBSOCKETS := 20
## The frames of a case with many peers, one by one and in a group.
const FRAMES := 5
const GROUP_FRAMES := 20
## After this many frames without a message a connection counts as idle.
const QUIET_FRAMES := 3

var _family: RefCounted
var _server: RefCounted
var _served: Array[StreamPeer] = []


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	# Under strace a system call takes longer than the time for which its result is shared. The
	# longer time makes the peers share results as they do without strace.
	ProjectSettings.set_setting("network/limits/stream_sockets/shared_answer_usec", 1000)
	_family = Family.ours() if arguments[0] == "ours" else Family.engine()
	_server = _family.tcp_server()
	_server.listen(0, "127.0.0.1")
	call("_" + arguments[1].replace("-", "_"), arguments[1])
	quit()


func _typed_reads(name: String) -> void:
	_read(name, func(to: StreamPeer, i: int) -> void: to.put_u8(i),
			func(from: StreamPeer) -> void: from.get_u8())


func _number_reads(name: String) -> void:
	_read(name, func(to: StreamPeer, i: int) -> void: to.put_32(i),
			func(from: StreamPeer) -> void: from.get_32())


func _variant_reads(name: String) -> void:
	_read(name, func(to: StreamPeer, i: int) -> void: to.put_var([i, "x"]),
			func(from: StreamPeer) -> void: from.get_var())


func _string_reads(name: String) -> void:
	_read(name, func(to: StreamPeer, i: int) -> void: to.put_string(str(i)),
			func(from: StreamPeer) -> void: from.get_string())


func _variants(name: String) -> void:
	var peer := _connect()
	peer.set("coalesce_writes", true)
	SystemCalls.begin(name)
	for i in TIMES:
		peer.put_var(i)
	peer.poll()
	SystemCalls.end(name)


# A frame of a server that sends back what its WebSockets have received.
func _echoes(name: String) -> void:
	var clients := []
	var served := []
	for i in WEBSOCKETS:
		clients.append(_websocket())
		clients[i].connect_to_url("ws://127.0.0.1:%d" % _server.get_local_port())
		while not _server.is_connection_available():
			clients[i].poll()
		served.append(_websocket())
		served[i].accept_stream(_server.take_connection())
		while clients[i].get_ready_state() != 1 or served[i].get_ready_state() != 1:
			clients[i].poll()
			served[i].poll()
		clients[i].send("hello".to_utf8_buffer())
	SystemCalls.begin(name)
	for websocket: PacketPeer in served:
		websocket.poll()
		websocket.send(websocket.get_packet())
	SystemCalls.end(name)


func _websocket() -> PacketPeer:
	return ClassDB.instantiate(_family.class_of("WebSocketPeer"))


func _idle_peer(name: String) -> void:
	_frames([_connect()], name, TIMES)


func _idle_peers(name: String) -> void:
	_frames(_connect_many(), name, FRAMES)


func _polls(name: String) -> void:
	var peer := _connect()
	_frames([peer], "", QUIET_FRAMES)
	SystemCalls.begin(name)
	for i in 10 * TIMES:
		peer.poll()
	SystemCalls.end(name)


# Many peers in a group, or polled one by one if the family has no groups.
func _idle_group(name: String) -> void:
	var peers := _connect_many()
	if not _family.has("StreamPeerSocketGroup"):
		_frames(peers, name, GROUP_FRAMES)
		return
	var group: RefCounted = ClassDB.instantiate(_family.class_of("StreamPeerSocketGroup"))
	for peer in peers:
		group.add(peer)
	for i in QUIET_FRAMES:
		group.poll()
	SystemCalls.begin(name)
	for i in GROUP_FRAMES:
		group.poll()
	SystemCalls.end(name)


func _connects(name: String) -> void:
	# The first connect makes additional calls.
	var peers := [_connect()]
	SystemCalls.begin(name)
	for i in TIMES:
		peers.append(_connect())
	SystemCalls.end(name)


# Sends the values in one piece, and reads them after all have arrived.
func _read(name: String, write: Callable, read: Callable) -> void:
	var peer := _connect()
	var values := StreamPeerBuffer.new()
	for i in TIMES:
		write.call(values, i)
	_served[0].put_data(values.data_array)
	while peer.get_available_bytes() < values.get_size():
		pass
	SystemCalls.begin(name)
	for i in TIMES:
		read.call(peer)
	SystemCalls.end(name)


# Polls idle peers for some frames.
func _frames(peers: Array[StreamPeer], name: String, count: int) -> void:
	for i in QUIET_FRAMES:
		_frame(peers)
	SystemCalls.begin(name)
	for i in count:
		_frame(peers)
	SystemCalls.end(name)


func _frame(peers: Array[StreamPeer]) -> void:
	for peer in peers:
		peer.poll()
		peer.get_available_bytes()


func _connect_many() -> Array[StreamPeer]:
	var peers: Array[StreamPeer] = []
	for i in MANY:
		peers.append(_connect())
	return peers


func _connect() -> StreamPeer:
	var peer: StreamPeer = _family.tcp_peer()
	peer.connect_to_host("127.0.0.1", _server.get_local_port())
	while peer.get_status() != 2:
		peer.poll()
	while not _server.is_connection_available():
		pass
	_served.append(_server.take_connection())
	return peer
