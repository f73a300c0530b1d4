extends RefCounted
## A server with many connections, and the far ends of these, which send. engine_side.gd and
## group_side.gd say with which classes it serves.
##
## The far ends are the engine's peers on both sides, so that the sides differ in what is measured
## only: the server's end of each connection, which is polled and read.

## How many connections wait to be accepted, at most: the engine's servers have room for 8.
const MOST_WAITING := 8
const HOST := "127.0.0.1"

## Which members the last look has heard, and what each has said.
var heard := PackedInt32Array()
var said: Array[PackedByteArray] = []

## The far end of each member.
var _far: Array[StreamPeerTCP] = []
## Far ends that are not accepted yet, by their port, which tells whose connection is accepted.
var _coming := {}


## Begins to listen. Returns what listening returned.
func open() -> Error:
	return FAILED


## Polls every connection and reads what has come, and returns how many microseconds that took.
func look() -> int:
	return 0


func count() -> int:
	return _far.size()


## Has the far end of a member send something.
func send(member: int, message: PackedByteArray) -> Error:
	return _far[member].put_data(message)


## Connects more, or lets go of some, until there are [param wanted], and works for [param
## budget_usec] at most. Call it again and again.
func approach(wanted: int, budget_usec: int) -> void:
	while _far.size() > wanted:
		_far.pop_back().disconnect_from_host()
		_drop_last()
	var end := Time.get_ticks_usec() + budget_usec
	while _far.size() + _coming.size() > wanted and not _coming.is_empty():
		_coming.erase(_coming.keys()[0])
	while _far.size() < wanted and Time.get_ticks_usec() < end:
		while _coming.size() < MOST_WAITING and _far.size() + _coming.size() < wanted:
			if not _connect_one():
				return
		_accept()


## Accepts who waits, and calls [method _join] for each.
func _accept() -> void:
	pass


## Lets go of the server's end of the last member.
func _drop_last() -> void:
	pass


## Where the far ends connect to.
func _port() -> int:
	return 0


func _connect_one() -> bool:
	var peer := StreamPeerTCP.new()
	if peer.connect_to_host(HOST, _port()) != OK:
		return false
	_coming[peer.get_local_port()] = peer
	return true


## The connection from [param port] is accepted. Returns the member's number, or -1 if nobody waits
## for it any more.
func _join(port: int) -> int:
	var peer: StreamPeerTCP = _coming.get(port)
	if peer == null:
		return -1
	_coming.erase(port)
	# What is accepted at the other end is connected at this one.
	peer.poll()
	_far.append(peer)
	return _far.size() - 1
