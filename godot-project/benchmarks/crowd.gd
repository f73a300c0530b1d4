extends RefCounted
## Many peers of one family. They are connected to the plain program, so that only their own ends
## are in this process.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Family := preload("res://tests/support/family.gd")
const Plain := preload("res://benchmarks/plain.gd")
const Server := preload("res://benchmarks/server.gd")

## The most connections that wait to be accepted: fewer than the backlog of any system.
const MOST_WAITING: int = 100

## The peers, in a typed array.
var peers: Array
var _far: Dictionary = {}


## Connects `count` peers. Returns false after a failure.
func open(family: Family, count: int) -> bool:
	peers = Array([], TYPE_OBJECT, family.class_of("StreamPeerTCP"), null)
	_far = Plain.start_with_pipe(["peers"])
	if _far.is_empty():
		return false
	var port: int = _answer().to_int()
	while peers.size() < count:
		var waiting: int = mini(count - peers.size(), MOST_WAITING)
		for i: int in waiting:
			var peer: StreamPeer = family.tcp_peer()
			peer.call(&"connect_to_host", "127.0.0.1", port)
			if not Server.settle(peer):
				return false
			peers.append(peer)
		if not _order("accept %d" % waiting):
			return false
	return true


## Sends a message from the far ends of the next `count` peers.
func send(count: int, size: int) -> bool:
	return _order("send %d %d" % [count, size])


## Closes the far ends, then the peers.
func close() -> void:
	if _far.is_empty():
		return
	# This also waits for the end of the process.
	var process: int = _far["pid"]
	OS.kill(process)
	peers.clear()


func _order(order: String) -> bool:
	var orders: FileAccess = _far["stdio"]
	orders.store_line(order)
	return _answer() == "done"


func _answer() -> String:
	var answers: FileAccess = _far["stdio"]
	return answers.get_line()
