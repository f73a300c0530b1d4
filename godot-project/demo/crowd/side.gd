extends RefCounted
## A server with many connections, and the far ends of these, which send. engine_side.gd and
## group_side.gd implement the server.
##
## The far ends are the engine's peers on both sides. So the sides differ only in the server's ends,
## which are measured.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

## The most connections that wait to be accepted. The engine's servers have a backlog of 8.
const MOST_WAITING: int = 8
const HOST: String = "127.0.0.1"

## The members from which the last [method receive] got data, and the data of each.
var senders: PackedInt32Array = PackedInt32Array()
var received: Array[PackedByteArray] = []

## The far end of each member.
var _far: Array[StreamPeerTCP] = []
## The far ends that are not accepted yet, by local port, which identifies an accepted connection.
var _coming: Dictionary = {}


## Starts to listen, and returns the error.
func open() -> Error:
	return FAILED


## Polls every connection and reads the available bytes. Returns the time in microseconds.
func receive() -> int:
	return 0


func count() -> int:
	return _far.size()


## Sends a message from the far end of a member.
func send(member: int, message: PackedByteArray) -> Error:
	return _far[member].put_data(message)


## Connects or disconnects members until there are [param wanted], for at most [param budget_usec]
## microseconds. To be called repeatedly.
func approach(wanted: int, budget_usec: int) -> void:
	while _far.size() > wanted:
		var peer: StreamPeerTCP = _far.pop_back()
		peer.disconnect_from_host()
		_drop_last()
	var end: int = Time.get_ticks_usec() + budget_usec
	while _far.size() + _coming.size() > wanted and not _coming.is_empty():
		_coming.erase(_coming.keys()[0])
	while _far.size() < wanted and Time.get_ticks_usec() < end:
		while _coming.size() < MOST_WAITING and _far.size() + _coming.size() < wanted:
			if not _connect_one():
				return
		_accept()


## Accepts the waiting connections, and calls [method _join] for each.
func _accept() -> void:
	pass


## Closes the server's end of the last member.
func _drop_last() -> void:
	pass


## The port of the server.
func _port() -> int:
	return 0


func _connect_one() -> bool:
	var peer: StreamPeerTCP = StreamPeerTCP.new()
	if peer.connect_to_host(HOST, _port()) != OK:
		return false
	_coming[peer.get_local_port()] = peer
	return true


## Handles the accepted connection from [param port]. Returns the member's number, or -1 if the
## connection is no longer wanted.
func _join(port: int) -> int:
	var peer: StreamPeerTCP = _coming.get(port)
	if peer == null:
		return -1
	_coming.erase(port)
	# The other end has accepted, so this poll connects the far end.
	peer.poll()
	_far.append(peer)
	return _far.size() - 1
