extends SceneTree
## Makes calls on connected peers, and marks them for `system_calls.gd`, which counts what they ask of the system.
##
## Arguments: the family.

const Family := preload("res://tests/support/family.gd")
const SystemCalls := preload("res://tests/support/system_calls.gd")

## How often each thing is done.
const TIMES := 100

var _family: RefCounted
var _server: RefCounted
var _served: StreamPeer


func _initialize() -> void:
	_family = Family.ours() if OS.get_cmdline_user_args()[0] == "ours" else Family.engine()
	_server = _family.tcp_server()
	_server.listen(0, "127.0.0.1")
	_typed_reads(_connect())
	_variants(_connect())
	_idle_peer(_connect())
	_idle_peers()
	quit()


func _typed_reads(peer: StreamPeer) -> void:
	for i in TIMES:
		_served.put_u8(i)
	while peer.get_available_bytes() < TIMES:
		pass
	SystemCalls.begin("typed-reads")
	for i in TIMES:
		peer.get_u8()
	SystemCalls.end("typed-reads")


func _variants(peer: StreamPeer) -> void:
	peer.set("coalesce_writes", true)
	SystemCalls.begin("variants")
	for i in TIMES:
		peer.put_var(i)
	peer.poll()
	SystemCalls.end("variants")


func _idle_peer(peer: StreamPeer) -> void:
	SystemCalls.begin("idle-peer")
	for i in TIMES:
		peer.poll()
		peer.get_available_bytes()
	SystemCalls.end("idle-peer")


func _idle_peers() -> void:
	var peers: Array[StreamPeer] = []
	for i in TIMES:
		peers.append(_connect())
	SystemCalls.begin("idle-peers")
	for peer in peers:
		peer.poll()
		peer.get_available_bytes()
	SystemCalls.end("idle-peers")


func _connect() -> StreamPeer:
	var peer: StreamPeer = _family.tcp_peer()
	peer.connect_to_host("127.0.0.1", _server.get_local_port())
	while peer.get_status() != 2:
		peer.poll()
	while not _server.is_connection_available():
		pass
	_served = _server.take_connection()
	return peer
