extends "res://benchmarks/row.gd"
## Requests per second over connections that stay open, answered by our server and by Node.js.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Plain := preload("res://benchmarks/plain.gd")

const CONNECTIONS: int = 64
## How often the server is polled before this looks whether the clients have ended.
const POLLS: int = 1000

const NODE_SERVER: String = ("require('http').createServer((_, response) => response.end())"
		+ ".listen(0, '127.0.0.1', function () { console.log(this.address().port); });")


func _init() -> void:
	names = ["HTTP requests, 64 connections"]
	sides = ["ours", "node"]
	if OS.execute("node", ["--version"], []) != 0:
		needs = "node"
		sides = ["ours"]


static func all() -> Array:
	return [new()]


func rounds() -> int:
	return scale.costly_rounds


func sample(side: String) -> PackedFloat64Array:
	return [_rate_of_node() if side == "node" else _rate()]


func _rate() -> float:
	var server: HTTPServerRs = HTTPServerRs.new()
	server.route("GET", "/", _answer)
	if server.listen(0) != OK:
		problem = "no server"
		return NAN
	var clients: Dictionary = _begin_clients(server.get_local_port())
	var process: int = clients["pid"]
	var deadline: int = Time.get_ticks_msec() + Server.PATIENCE_MSEC
	while OS.is_process_running(process) and Time.get_ticks_msec() < deadline:
		for i: int in POLLS:
			server.poll()
	server.stop()
	return _result(clients)


func _rate_of_node() -> float:
	var node: Dictionary = OS.execute_with_pipe("node", ["-e", NODE_SERVER])
	var output: FileAccess = node["stdio"]
	var rate: float = _result(_begin_clients(output.get_line().to_int()))
	var process: int = node["pid"]
	OS.kill(process)
	return rate


func _answer(request: HTTPServerRequestRs) -> void:
	request.respond(200)


func _begin_clients(port: int) -> Dictionary:
	return Plain.start_with_pipe(["requests", "tcp:127.0.0.1:%d" % port, str(CONNECTIONS),
			str(scale.trips)])


# What the clients have measured. Waits until they have ended.
func _result(clients: Dictionary) -> float:
	var output: FileAccess = clients["stdio"]
	var rate: float = output.get_line().to_float()
	if rate == 0.0:
		problem = "the clients have no result"
	return rate
