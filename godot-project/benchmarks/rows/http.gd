extends "res://benchmarks/rate_row.gd"
## Requests per second over connections that stay open, answered by our server and by Node.js.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const CONNECTIONS: int = 64
## How often the server is polled before the row looks whether the clients have ended.
const POLLS: int = 1000

const NODE_SERVER: String = ("require('http').createServer((_, response) => response.end())"
		+ ".listen(0, '127.0.0.1', function () { console.log(this.address().port); });")


func _init() -> void:
	names = ["HTTP requests, 64 connections"]
	sides = ["ours", "node"]
	need_node("node", "")


static func all() -> Array:
	return [new()]


func sample(side: String) -> PackedFloat64Array:
	var arguments: PackedStringArray = [str(CONNECTIONS), str(scale.trips)]
	if side == "node":
		return [rate_of_node(NODE_SERVER, "requests", arguments)]
	var server: HTTPServerRs = HTTPServerRs.new()
	server.route("GET", "/", _answer)
	if server.listen(0) != OK:
		problem = "no server"
		return [NAN]
	var poll: Callable = func() -> void:
		for i: int in POLLS:
			server.poll()
	var measured: float = rate(server.get_local_port(), poll, "requests", arguments)
	server.stop()
	return [measured]


func _answer(request: HTTPServerRequestRs) -> void:
	request.respond(200)
