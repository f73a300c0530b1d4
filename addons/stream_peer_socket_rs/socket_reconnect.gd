extends Node
## A client that stays connected: after the end of a connection it connects again.
##
## Add it to the tree and call [method start] with a peer, or with a packet peer whose [member
## PacketPeerSocketRs.stream] is a peer. It polls the peer once per frame, even while the tree is
## paused, so [member StreamPeerSocketRs.auto_poll] is not needed. The signals of the peer work as
## usual, and the same object is used for each connection.
## [br][br]
## It waits before each new attempt: [member min_delay] at first, twice as long after each failure,
## at most [member max_delay]. A connection over which something was received, or that has lasted
## for 10 seconds, ends this series. A random part of each wait keeps a thousand clients from
## connecting at the same moment. Times are real: [member Engine.time_scale] does not change them.
## [codeblock]
## extends Node
##
## const SocketReconnect := preload("res://addons/stream_peer_socket_rs/socket_reconnect.gd")
##
## var client := SocketReconnect.new()
## var peer := StreamPeerTCPRs.new()
##
##
## func _ready() -> void:
##     peer.data_available.connect(_on_data_available)
##     client.greeting = "hello\n".to_utf8_buffer()
##     client.silence_timeout = 20.0
##     client.waiting.connect(_on_waiting)
##     add_child(client)
##     client.start(peer, "localhost", 4000)
##
##
## func _on_data_available() -> void:
##     print(peer.receive().get_string_from_utf8())
##
##
## func _on_waiting(seconds: float) -> void:
##     print("%s; next attempt in %.1f s" % [client.reason, seconds])
## [/codeblock]

## Emitted after each successful connect, once [member greeting] was sent.
signal connected
## Emitted before each wait for the next attempt, with its duration. [member reason] says why.
signal waiting(seconds: float)
## Emitted after [member max_attempts] failures in a row, or if no attempt can succeed, because the
## address is malformed. [member reason] says why. Call [method start] to begin again.
signal gave_up

## A connection that has lasted this many seconds ends a series of failures.
const STABLE_AGE: float = 10.0
# A longer frame says nothing about the server: the game was busy, or the computer was suspended.
const _LONGEST_FRAME: float = 0.25
# How often the received bytes are counted, in seconds.
const _CHECK_INTERVAL: float = 0.25

## The first wait in seconds.
var min_delay: float = 0.25
## The longest wait in seconds.
var max_delay: float = 30.0
## How much of a wait is random, from 0 (nothing) to 1 (all of it).
var jitter: float = 0.5
## The number of failures in a row after which it gives up. 0 means never.
var max_attempts: int = 0
## If nothing was received for this many seconds, the connection is ended and a new one is made.
## This detects servers that accept and send nothing, and connections that were silently lost, for
## example while the computer was suspended. A frame longer than a quarter of a second counts as a
## quarter of a second. 0 means no limit.
var silence_timeout: float = 0.0
## Sent after each connect: as a packet if [method start] was called with a packet peer, otherwise
## as it is.
var greeting: PackedByteArray = PackedByteArray()
## Why the last connection or attempt has ended, such as
## [code]connect 127.0.0.1:4000: connection refused[/code].
var reason: String = ""

# What `start` was called with, and the stream below it. Both are null if it was not.
var _over: RefCounted
var _peer: StreamPeerSocketRs
var _address: String
var _port: int
# Failures in a row.
var _failures: int = 0
# Seconds until the next attempt, while none is in progress.
var _wait: float = 0.0
var _is_waiting: bool = false
var _is_flushed: bool = false
# When the last frame began. `Engine.time_scale` changes the delta of the tree, but not the server.
var _frame_usec: int = Time.get_ticks_usec()
# Seconds without a received byte as of the last check, the number of bytes received then, and the
# seconds since.
var _silence: float = 0.0
var _received: int = 0
var _unchecked: float = 0.0


func _init() -> void:
	process_mode = Node.PROCESS_MODE_ALWAYS


## Connects, and stays connected until [method stop] or until this node is freed. [param peer] is a
## [StreamPeerTCPRs], a [StreamPeerUDSRs], or a [PacketPeerSocketRs] over one of them. [param
## address] is a host for TCP, or a path for a Unix domain socket, which ignores [param port]. An
## existing connection of [param peer] is ended first.
## [br][br]
## Returns [constant OK]. Any other object is refused with [constant ERR_INVALID_PARAMETER], and
## nothing changes.
func start(peer: RefCounted, address: String, port: int = 0) -> Error:
	var packets: PacketPeerSocketRs = peer as PacketPeerSocketRs
	var stream: StreamPeerSocketRs = peer as StreamPeerSocketRs
	if packets != null:
		stream = packets.stream
	if stream == null:
		return ERR_INVALID_PARAMETER
	stop()
	_over = peer
	_peer = stream
	_address = address
	_port = port
	_failures = 0
	var linked: int = _peer.connect_finished.connect(_on_connect_finished)
	linked += _peer.disconnected.connect(_on_disconnected)
	assert(linked == OK)
	_wait = 0.0
	_is_waiting = true
	_is_flushed = false
	return OK


## Ends the connection and makes no new one. What was put before is still sent.
func stop() -> void:
	if _peer == null:
		return
	_peer.connect_finished.disconnect(_on_connect_finished)
	_peer.disconnected.disconnect(_on_disconnected)
	_peer.disconnect_from_host()
	_over = null
	_peer = null
	_is_waiting = false


func _notification(what: int) -> void:
	if what == NOTIFICATION_PREDELETE and _peer != null:
		_peer.disconnect_from_host()


func _process(_delta: float) -> void:
	var now_usec: int = Time.get_ticks_usec()
	var seconds: float = (now_usec - _frame_usec) / 1e6
	_frame_usec = now_usec
	if _peer != null:
		_advance(seconds)


# What happens once per frame, `seconds` after the last one.
func _advance(seconds: float) -> void:
	if _is_waiting:
		_wait -= seconds
		if _wait <= 0.0 and _is_flushed:
			_connect()
			return
		# The events of the last connection are delivered before the next one begins.
		_is_flushed = true
		_over.call(&"poll")
		return
	if _is_silent_for_too_long(minf(seconds, _LONGEST_FRAME)):
		_fail("receive from %s: nothing received for %.1f s" % [_target(), silence_timeout])
		return
	# Handlers may do anything, so nothing comes after this.
	_over.call(&"poll")


func _connect() -> void:
	_is_waiting = false
	_silence = 0.0
	_received = 0
	_unchecked = 0.0
	var arguments: Array = [_address, _port] if _peer is StreamPeerTCPRs else [_address]
	var error: Error = _peer.callv(&"connect_to_host", arguments)
	if error in [ERR_INVALID_PARAMETER, ERR_CANT_RESOLVE]:
		reason = _peer.get_last_error_message()
		stop()
		gave_up.emit()
	elif error != OK:
		_fail(_peer.get_last_error_message())


# The address as given to `start`, in the form of the peer's error messages.
func _target() -> String:
	if not _peer is StreamPeerTCPRs:
		return _address
	return ("[%s]:%d" if _address.contains(":") else "%s:%d") % [_address, _port]


func _is_silent_for_too_long(seconds: float) -> bool:
	if silence_timeout <= 0.0 or _peer.get_status() != StreamPeerSocketRs.STATUS_CONNECTED:
		return false
	_unchecked += seconds
	if _unchecked < minf(_CHECK_INTERVAL, silence_timeout):
		return false
	_silence += _unchecked
	_unchecked = 0.0
	var received: int = _peer.get_statistics()["bytes_received"]
	if received != _received or _peer.get_available_bytes() > 0:
		_received = received
		_silence = 0.0
	return _silence >= silence_timeout


func _on_connect_finished(error: Error) -> void:
	# Another handler of the signal may have stopped this client.
	if _peer == null or _is_waiting:
		return
	if error == OK:
		_greet()
		connected.emit()
	else:
		_fail(_peer.get_last_error_message())


func _greet() -> void:
	if greeting.is_empty():
		return
	# If it fails, the connection ends, which the next poll reports.
	var packets: PacketPeerSocketRs = _over as PacketPeerSocketRs
	var _sent: Error = packets.put_packet(greeting) if packets != null else _peer.put_data(greeting)


func _on_disconnected(error: Error) -> void:
	if _peer != null and not _is_waiting:
		var message: String = _peer.get_last_error_message()
		_fail(message if not message.is_empty() else error_string(error))


# Ends the connection or the attempt because of `why`, and begins to wait.
func _fail(why: String) -> void:
	reason = why
	var statistics: Dictionary = _peer.get_statistics()
	var age: float = statistics.get("age", 0.0)
	if statistics["bytes_received"] > 0 or age >= STABLE_AGE:
		_failures = 0
	_is_waiting = true
	_is_flushed = false
	_peer.disconnect_from_host()
	_failures += 1
	if max_attempts > 0 and _failures >= max_attempts:
		stop()
		gave_up.emit()
		return
	# 2^30 quarters of a second are longer than any limit.
	var delay: float = minf(max_delay, min_delay * pow(2.0, mini(_failures - 1, 30)))
	_wait = delay * (1.0 - clampf(jitter, 0.0, 1.0) * randf())
	waiting.emit(_wait)
