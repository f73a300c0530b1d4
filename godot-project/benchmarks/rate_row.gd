extends "res://benchmarks/row.gd"
## A rate that clients measure at a server, which is in Godot or in Node.js.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Plain := preload("res://benchmarks/plain.gd")


func rounds() -> int:
	return scale.costly_rounds


## Leaves the side of Node.js out if it cannot run `script`. `what` is what it lacks.
func need_node(what: String, script: String) -> void:
	if OS.execute("node", ["-e", script], []) != 0:
		needs = what
		sides.remove_at(sides.find("node"))


## The rate at a server with `port`. `serve` is called until the clients have ended. `command` and
## `arguments` are those of the plain program, without the address.
func rate(port: int, serve: Callable, command: String, arguments: PackedStringArray) -> float:
	var clients: Dictionary = _begin_clients(port, command, arguments)
	var process: int = clients["pid"]
	var deadline: int = Time.get_ticks_msec() + Server.PATIENCE_MSEC
	while OS.is_process_running(process) and Time.get_ticks_msec() < deadline:
		serve.call()
	return _result(clients)


## The same at a server in Node.js, whose script prints its port.
func rate_of_node(script: String, command: String, arguments: PackedStringArray) -> float:
	var node: Dictionary = OS.execute_with_pipe("node", ["-e", script])
	var output: FileAccess = node["stdio"]
	var measured: float = _result(_begin_clients(output.get_line().to_int(), command, arguments))
	var process: int = node["pid"]
	OS.kill(process)
	return measured


func _begin_clients(port: int, command: String, arguments: PackedStringArray) -> Dictionary:
	return Plain.start_with_pipe([command, "tcp:127.0.0.1:%d" % port] + Array(arguments))


# What the clients have measured. Waits until they have ended.
func _result(clients: Dictionary) -> float:
	var output: FileAccess = clients["stdio"]
	var measured: float = output.get_line().to_float()
	if measured == 0.0:
		problem = "the clients have no result"
	return measured
