extends "res://benchmarks/row.gd"
## Requests per second that redis-benchmark counts, with a server that answers PING: in a loop over
## its peers, with a group, and in Node.js.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const TypedScript := preload("res://benchmarks/typed_script.gd")

const PROGRAM: String = "redis-benchmark"
const CLIENTS: int = 500
## The request that redis-benchmark repeats, the answer to it, and the answer to its first request.
const PING: String = "*1\r\n$4\r\nPING\r\n"
const PONG: String = "+PONG\r\n"
const ELSE: String = "-ERR\r\n"

const NODE_SERVER: String = ("require('net').createServer(s => { s.on('error', () => 0); "
		+ "s.on('data', d => s.write(d.length % %d ? '-ERR\\r\\n' "
		+ ": '+PONG\\r\\n'.repeat(d.length / %d))); })"
		+ ".listen(0, '127.0.0.1', function () { console.log(this.address().port); });")

var _paths: int = 0
var _pong: PackedByteArray = PONG.to_ascii_buffer()
var _else: PackedByteArray = ELSE.to_ascii_buffer()


func _init() -> void:
	names = ["redis-benchmark, 500 connections"]
	sides = ["engine", "ours", "group", "node"]
	if not is_installed(PROGRAM):
		sides = []
		needs = PROGRAM
	elif not is_installed("node"):
		sides = ["engine", "ours", "group"]
		needs = "node"


static func all() -> Array:
	return [new()]


func rounds() -> int:
	return scale.costly_rounds


func sample(side: String) -> PackedFloat64Array:
	return [_rate_of_node() if side == "node" else _rate(side)]


func _rate_of_node() -> float:
	var path: String = _fresh_path()
	var node: int = _start("node -e \"%s\"" % NODE_SERVER.replace("%d", str(PING.length())), path)
	var port: int = 0
	var deadline: int = Time.get_ticks_msec() + Server.PATIENCE_MSEC
	while port == 0 and Time.get_ticks_msec() < deadline:
		OS.delay_usec(1000)
		port = FileAccess.get_file_as_string(path).to_int()
	var rate: float = _measure(port, _wait)
	OS.kill(node)
	DirAccess.remove_absolute(path)
	return rate


func _rate(side: String) -> float:
	var server: Server = Server.new()
	if server.listen(family_of(side)) != OK:
		problem = "no server"
		return NAN
	var port: int = server.address().get_slice(":", 2).to_int()
	var rate: float = NAN
	if side == "group":
		var group: StreamPeerSocketGroupRs = StreamPeerSocketGroupRs.new()
		var listener: SocketServerRs = server.listener()
		group.peer_data_available.connect(_answer_data)
		group.accept_from(listener)
		rate = _measure(port, group.poll)
	else:
		var loop: RefCounted = TypedScript.redis(family_of(side))
		loop.set(&"server", server.listener())
		rate = _measure(port, Callable(loop, &"frame"))
	server.stop()
	return rate


func _answer_data(peer: StreamPeerSocketRs) -> void:
	var data: PackedByteArray = peer.receive()
	@warning_ignore("integer_division")
	for i: int in maxi(1, data.size() / PING.length()):
		peer.put_data(_pong if data.size() % PING.length() == 0 else _else)


# The result of redis-benchmark while `frame` is called repeatedly.
func _measure(port: int, frame: Callable) -> float:
	var requests: int = maxi(1000, scale.connects * 100)
	var clients: int = mini(CLIENTS, scale.most_sockets)
	var path: String = _fresh_path()
	var benchmark: int = _start("%s -p %d -c %d -n %d -t ping_mbulk --csv"
			% [PROGRAM, port, clients, requests], path)
	var deadline: int = Time.get_ticks_msec() + Server.PATIENCE_MSEC
	while OS.is_process_running(benchmark) and Time.get_ticks_msec() < deadline:
		frame.call()
	var output: String = FileAccess.get_file_as_string(path)
	DirAccess.remove_absolute(path)
	for line: String in output.split("\n"):
		if line.begins_with("\"PING"):
			return line.get_slice(",", 1).trim_prefix("\"").trim_suffix("\"").to_float()
	problem = PROGRAM + " has no result"
	return NAN


func _wait() -> void:
	OS.delay_usec(1000)


# Starts a program whose output goes into a file, and returns its process id.
func _start(command: String, path: String) -> int:
	return OS.create_process("sh", ["-c", "exec %s > '%s' 2>&1" % [command, path]])


func _fresh_path() -> String:
	_paths += 1
	return OS.get_temp_dir().path_join("sprs-redis-%d-%d" % [OS.get_process_id(), _paths])
