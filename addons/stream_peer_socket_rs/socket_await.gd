extends RefCounted
## Awaits what a peer or a WebSocket receives, without blocking a frame.
##
## An await ends when its data has arrived, when its time limit is over or when the connection ends,
## whichever comes first. Of a frame that takes longer than a quarter of a second, only that much
## counts towards the limit. It does not keep the peer alive, so keep the peer in a variable. When
## the peer or the node that awaits is freed, the await ends too, and reads nothing more.
## [br][br]
## Each function polls the peer once per frame, so [member StreamPeerSocketRs.auto_poll] is not
## needed. It does no harm, and neither do groups. The peer may still be connecting. If several
## awaits read from one peer, the first one called reads first. Call these functions on the main
## thread.
## [codeblock]
## const SocketAwait := preload("res://addons/stream_peer_socket_rs/socket_await.gd")
##
## func ask(host: String, port: int) -> void:
##     var peer := StreamPeerTCPRs.new()
##     peer.connect_to_host(host, port)
##     var connected := await SocketAwait.connected(peer, 5.0)
##     if connected.error != OK:
##         print("no connection: ", connected.message)
##         return
##     var greeting := await SocketAwait.line(peer, 5.0)
##     if greeting.error != OK:
##         print("no greeting: ", greeting.message)
##         return
##     print(greeting.text())
##     var picture := await SocketAwait.bytes(peer, 1024, 5.0)
##     print(picture.data.size(), " bytes")
## [/codeblock]

## The default time limit in seconds. A limit of 0 or [constant @GDScript.INF] means no limit.
const DEFAULT_TIMEOUT: float = 30.0
# A longer frame says nothing about the network: the game was busy, or the computer was suspended.
const _LONGEST_FRAME_USEC: float = 0.25e6


## The outcome of an await.
class Result:
	## [constant OK] if [member data] is complete. [member message] is the reason otherwise. It is
	## [constant ERR_TIMEOUT] after the time limit, or if the peer never read; [constant
	## ERR_SKIP] if the peer was disconnected on this side or freed, or the game quits; [constant
	## ERR_FILE_EOF] if the other side ended the stream first; [constant ERR_CONNECTION_ERROR] if
	## the connection failed; the error of [signal StreamPeerSocketRs.connect_finished] if there
	## never was a connection; [constant ERR_INVALID_DATA] if more arrived than the limit allows, or
	## a malformed packet; [constant ERR_UNCONFIGURED] if the peer was neither connecting nor
	## connected. [br][br] Two errors are returned at once, and nothing is read: [constant
	## ERR_INVALID_PARAMETER] for a wrong argument, such as a negative time limit, and [constant
	## ERR_UNAVAILABLE] without a [SceneTree].
	var error: Error = OK
	## Why it failed, in words; empty if [member error] is [constant OK]. If the connection has
	## ended or failed, this is [method StreamPeerSocketRs.get_last_error_message] at that moment.
	var message: String = ""
	## The received bytes.
	var data: PackedByteArray = PackedByteArray()

	## The bytes as text in UTF-8; see [method PacketPeerSocketRs.decode_text].
	func text() -> String:
		return PacketPeerSocketRs.decode_text(data)


## Waits until [param peer] is connected. The result has no bytes; its error is that of [signal
## StreamPeerSocketRs.connect_finished], or [constant ERR_TIMEOUT], which leaves the peer
## connecting.
static func connected(peer: StreamPeerSocketRs, timeout_sec: float = DEFAULT_TIMEOUT) -> Result:
	var result: Result = Result.new()
	var source: WeakRef = weakref(peer)
	peer = null
	var attempt: Callable = func(of: StreamPeerSocketRs) -> Error:
		return OK if of.get_status() == StreamPeerSocketRs.STATUS_CONNECTED else ERR_BUSY
	result.error = await _wait(result, source, timeout_sec, attempt, true)
	return result


## Waits for [param count] bytes, for at most [param timeout_sec] seconds. After an error [member
## Result.data] has the bytes that were received before it. A negative count is an error, and
## nothing is read.
static func bytes(peer: StreamPeerSocketRs, count: int,
		timeout_sec: float = DEFAULT_TIMEOUT) -> Result:
	var result: Result = Result.new()
	var source: WeakRef = weakref(peer)
	peer = null
	if count < 0:
		result.error = ERR_INVALID_PARAMETER
		result.message = "await: count %d is negative" % count
		return result
	var attempt: Callable = func(of: StreamPeerSocketRs) -> Error:
		result.data.append_array(of.receive(count - result.data.size()))
		if result.data.size() >= count:
			return OK
		return ERR_FILE_EOF if _is_at_end(of) else ERR_BUSY
	result.error = await _wait(result, source, timeout_sec, attempt)
	return result


## Waits for a line, which ends with a line feed; neither that nor a carriage return before it is in
## the result. Nothing is read until the line is complete, so after an error the peer still has all
## its bytes. More than [param max_bytes] without a line feed are an error.
static func line(peer: StreamPeerSocketRs, timeout_sec: float = DEFAULT_TIMEOUT,
		max_bytes: int = 65536) -> Result:
	var result: Result = Result.new()
	var source: WeakRef = weakref(peer)
	peer = null
	result.error = await _wait(result, source, timeout_sec, _until(result, "\n", max_bytes))
	if result.error == OK and result.data.size() > 0 and result.data[-1] == 0x0d:
		result.data = result.data.slice(0, -1)
	return result


## Waits for [param delimiter], a [String] or a [PackedByteArray], which is not in the result.
## Nothing is read until the delimiter has arrived, so after an error the peer still has all its
## bytes. More than [param max_bytes] without the delimiter are an error, and so is an empty
## delimiter.
static func until(peer: StreamPeerSocketRs, delimiter: Variant,
		timeout_sec: float = DEFAULT_TIMEOUT, max_bytes: int = 65536) -> Result:
	var result: Result = Result.new()
	var source: WeakRef = weakref(peer)
	peer = null
	result.error = await _wait(result, source, timeout_sec, _until(result, delimiter, max_bytes))
	return result


## Waits for the end of the stream, and returns everything up to it. After an error [member
## Result.data] has the bytes that were received before it.
static func end(peer: StreamPeerSocketRs, timeout_sec: float = DEFAULT_TIMEOUT) -> Result:
	var result: Result = Result.new()
	var source: WeakRef = weakref(peer)
	peer = null
	var attempt: Callable = func(of: StreamPeerSocketRs) -> Error:
		result.data.append_array(of.receive())
		return OK if _is_at_end(of) else ERR_BUSY
	result.error = await _wait(result, source, timeout_sec, attempt)
	if result.error == ERR_FILE_EOF:
		result.error = OK
		result.message = ""
	return result


## Waits for the next packet of [param peer]. After an error nothing was read: an incomplete packet
## stays in the stream. If [member PacketPeerSocketRs.stream] is replaced meanwhile, the error is
## [constant ERR_SKIP].
static func packet(peer: PacketPeerSocketRs, timeout_sec: float = DEFAULT_TIMEOUT) -> Result:
	var result: Result = Result.new()
	if peer != null and peer.stream == null:
		result.error = ERR_UNCONFIGURED
		result.message = "await: packet peer has no stream"
		return result
	var source: WeakRef = weakref(peer.stream if peer != null else null)
	var packets: WeakRef = weakref(peer)
	peer = null
	var attempt: Callable = func(of: StreamPeerSocketRs) -> Error:
		var from: PacketPeerSocketRs = packets.get_ref()
		if from == null or from.stream != of:
			result.message = "await: packet peer was freed, or has another stream"
			return ERR_SKIP
		result.data = from.get_packet()
		var error: Error = from.get_packet_error()
		result.message = from.get_last_error_message()
		# There is no packet yet, or no connection. The stream's own error is more precise.
		return ERR_BUSY if error in [ERR_UNAVAILABLE, FAILED] else error
	result.error = await _wait(result, source, timeout_sec, attempt)
	return result


## Waits until the handshake of [param peer] is complete. The result has no bytes.
static func opened(peer: WebSocketPeerRs, timeout_sec: float = DEFAULT_TIMEOUT) -> Result:
	var result: Result = Result.new()
	var source: WeakRef = weakref(peer)
	peer = null
	var attempt: Callable = func(of: WebSocketPeerRs) -> Error:
		return OK if of.get_ready_state() == WebSocketPeerRs.STATE_OPEN else ERR_BUSY
	result.error = await _wait(result, source, timeout_sec, attempt)
	return result


## Waits for the next message of [param peer]; [method WebSocketPeerRs.was_string_packet] returns
## whether it is text. The error is [constant ERR_FILE_EOF] if the WebSocket was closed by close
## frames: see [method WebSocketPeerRs.get_close_code]. Messages that came before are returned
## first.
static func message(peer: WebSocketPeerRs, timeout_sec: float = DEFAULT_TIMEOUT) -> Result:
	var result: Result = Result.new()
	var source: WeakRef = weakref(peer)
	peer = null
	var attempt: Callable = func(of: WebSocketPeerRs) -> Error:
		if of.get_available_packet_count() == 0:
			return ERR_BUSY
		result.data = of.get_packet()
		return OK
	result.error = await _wait(result, source, timeout_sec, attempt)
	return result


## Waits until [param peer] is closed. The result has no bytes; its error is [constant OK] after
## close frames, see [method WebSocketPeerRs.get_close_code]. Messages can still be taken.
static func closed(peer: WebSocketPeerRs, timeout_sec: float = DEFAULT_TIMEOUT) -> Result:
	var result: Result = Result.new()
	var source: WeakRef = weakref(peer)
	peer = null
	var attempt: Callable = func(_of: WebSocketPeerRs) -> Error: return ERR_BUSY
	result.error = await _wait(result, source, timeout_sec, attempt)
	if result.error == ERR_FILE_EOF:
		result.error = OK
		result.message = ""
	return result


static func _until(result: Result, delimiter: Variant, max_bytes: int) -> Callable:
	return func(of: StreamPeerSocketRs) -> Error:
		var found: Variant = of.read_until(delimiter, max_bytes)
		if found is PackedByteArray:
			result.data = found
			return OK
		var error: Error = of.get_last_error()
		if error == ERR_INVALID_PARAMETER:
			# Calling it again would print the same error again.
			return error
		if error == OK or of.get_status() != StreamPeerSocketRs.STATUS_CONNECTED:
			return ERR_BUSY
		# The delimiter can no longer arrive, or not within `max_bytes`.
		return error


static func _is_at_end(peer: StreamPeerSocketRs) -> bool:
	return peer.is_read_closed() and peer.get_available_bytes() == 0


# Polls the peer of `source` and calls `attempt` with it once per frame, until that returns another
# value than ERR_BUSY.
static func _wait(result: Result, source: WeakRef, timeout_sec: float, attempt: Callable,
		is_for_connect: bool = false) -> Error:
	var tree: SceneTree = Engine.get_main_loop() as SceneTree
	# NaN is not less than 0.
	if source.get_ref() == null or is_nan(timeout_sec) or timeout_sec < 0.0:
		result.message = "await: peer is null, or timeout_sec is negative or NaN"
		return ERR_INVALID_PARAMETER
	if tree == null:
		result.message = "await: main loop is not a SceneTree"
		return ERR_UNAVAILABLE
	var wait: _Wait
	if source.get_ref() is WebSocketPeerRs:
		wait = _WebSocketWait.new(result, source, attempt, timeout_sec, false)
	else:
		wait = _Wait.new(result, source, attempt, timeout_sec, is_for_connect)
	var error: Error = wait.step()
	if error == ERR_BUSY:
		wait.start(tree)
		# This coroutine waits for the signal, so a reference from it to `wait` would be a cycle.
		var finished: Signal = wait.finished
		wait = null
		error = await finished
	else:
		wait.stop()
	return error


# An await in progress. A connection to the tree's signal keeps it alive, so it is freed with the
# tree at the latest. It holds a reference to the peer only during `step`.
class _Wait:
	signal finished(error: Error)

	var _tree: SceneTree
	var _result: Result
	var _source: WeakRef
	var _attempt: Callable
	var _timeout_sec: float
	var _left_usec: float
	var _counted_until_usec: int = Time.get_ticks_usec()
	# Whether `connect_finished` ends the await even if its error is OK.
	var _is_for_connect: bool
	# Why the connection ended, and the same in words. ERR_BUSY while it lasts.
	var _end: Error = ERR_BUSY
	var _end_message: String = ""
	# The first poll may emit signals about a connection before this one.
	var _is_first_poll: bool = true
	# The coroutines that wait for this await, directly or through others, and whether each of them
	# has ever been awaited itself. They are kept here because the engine leaks the variables of a
	# coroutine that it ends with a freed node when nothing else references the coroutine.
	var _coroutines: Dictionary = {}

	func _init(result: Result, source: WeakRef, attempt: Callable, timeout_sec: float,
			is_for_connect: bool) -> void:
		_result = result
		_source = source
		_attempt = attempt
		_timeout_sec = timeout_sec
		_left_usec = timeout_sec * 1e6 if timeout_sec > 0.0 else INF
		_is_for_connect = is_for_connect
		_listen()

	func _listen() -> void:
		var peer: StreamPeerSocketRs = _source.get_ref()
		var connected: int = peer.status_changed.connect(_on_status_changed)
		connected += peer.connect_finished.connect(_on_connect_finished)
		connected += peer.disconnected.connect(_on_disconnected)
		assert(connected == OK)

	func start(tree: SceneTree) -> void:
		_tree = tree
		var connected: int = tree.process_frame.connect(_on_frame.bind(self))
		# The engine leaks coroutines that are still waiting when it quits.
		connected += tree.root.tree_exiting.connect(_on_quit)
		assert(connected == OK)
		# The caller begins to await after this call.
		_is_awaited.call_deferred()

	func stop() -> void:
		var peer: StreamPeerSocketRs = _source.get_ref()
		if peer != null:
			peer.status_changed.disconnect(_on_status_changed)
			peer.connect_finished.disconnect(_on_connect_finished)
			peer.disconnected.disconnect(_on_disconnected)

	# Returns ERR_BUSY while the await is in progress, otherwise its final error, which the result
	# then has in words.
	func step() -> Error:
		var peer: StreamPeerSocketRs = _source.get_ref()
		_result.message = ""
		if peer == null:
			return _explained(ERR_SKIP, "await: peer was freed")
		var _polled: Error = peer.poll()
		_is_first_poll = false
		# A handler may have freed the node that awaits.
		if _tree != null and not _is_awaited():
			return ERR_SKIP
		if _end != ERR_BUSY:
			return _explained(_end, _end_message)
		var outcome: Error = _attempt.call(peer)
		return _waiting(peer) if outcome == ERR_BUSY else _final(peer, outcome)

	# The outcome of `_attempt`, which ends the await.
	func _final(peer: StreamPeerSocketRs, outcome: Error) -> Error:
		if outcome == OK:
			return _explained(OK, "")
		if _result.message.is_empty():
			_result.message = peer.get_last_error_message()
		if _result.message.is_empty():
			_result.message = "receive: end of stream"
		return outcome

	# ERR_BUSY, unless the connection or the time is over.
	func _waiting(peer: StreamPeerSocketRs) -> Error:
		if peer.get_status() in [StreamPeerSocketRs.STATUS_NONE, StreamPeerSocketRs.STATUS_ERROR]:
			# Reading has reached the end of the stream. The next poll emits the reason.
			var _polled: Error = peer.poll()
			if _end != ERR_BUSY:
				return _explained(_end, _end_message)
			return _explained(ERR_UNCONFIGURED, "await: peer is neither connecting nor connected")
		return _busy_or_timed_out()

	func _busy_or_timed_out() -> Error:
		var now_usec: int = Time.get_ticks_usec()
		_left_usec -= minf(now_usec - _counted_until_usec, _LONGEST_FRAME_USEC)
		_counted_until_usec = now_usec
		if _left_usec > 0.0:
			return ERR_BUSY
		return _explained(ERR_TIMEOUT, "await: timed out after %.1f s" % _timeout_sec)

	func _explained(error: Error, message: String) -> Error:
		_result.message = message
		return error

	func _on_frame(_itself: _Wait) -> void:
		var error: Error = step()
		if error != ERR_BUSY:
			_finish(error)

	func _on_quit() -> void:
		_finish(_explained(ERR_SKIP, "await: game is quitting"))

	func _finish(error: Error) -> void:
		_tree.process_frame.disconnect(_on_frame)
		_tree.root.tree_exiting.disconnect(_on_quit)
		stop()
		finished.emit(error)

	func _on_status_changed(status: int) -> void:
		if _is_first_poll and status == StreamPeerSocketRs.STATUS_CONNECTING:
			_end = ERR_BUSY

	func _on_connect_finished(error: Error) -> void:
		if error != OK or _is_for_connect:
			_end_with(error)

	func _on_disconnected(error: Error) -> void:
		_end_with(error if error != OK else ERR_SKIP)

	func _end_with(error: Error) -> void:
		if _end != ERR_BUSY:
			return
		_end = error
		_end_message = ""
		var peer: StreamPeerSocketRs = _source.get_ref()
		if error == ERR_SKIP:
			_end_message = "await: peer was disconnected on this side"
		elif error != OK and peer != null:
			_end_message = peer.get_last_error_message()
		if error != OK and _end_message.is_empty():
			# An earlier handler has connected the peer again.
			_end_message = "await: " + error_string(error).to_lower()

	func _is_awaited() -> bool:
		return _is_any_awaited(get_signal_connection_list(&"finished"))

	# Whether one of these listeners is not a coroutine, or is a coroutine that is awaited or may
	# still become awaited. The engine disconnects a coroutine whose node is freed.
	func _is_any_awaited(connections: Array[Dictionary]) -> bool:
		var is_any_awaited: bool = false
		for connection: Dictionary in connections:
			var callable: Callable = connection["callable"]
			var coroutine: Object = callable.get_object()
			if coroutine == null or coroutine.get_class() != "GDScriptFunctionState":
				is_any_awaited = true
				continue
			var was_awaited: bool = _coroutines.get(coroutine, false)
			var listeners: Array[Dictionary] = coroutine.get_signal_connection_list(&"completed")
			_coroutines[coroutine] = was_awaited or not listeners.is_empty()
			if _is_any_awaited(listeners) if not listeners.is_empty() else not was_awaited:
				is_any_awaited = true
		return is_any_awaited


# The same for a WebSocket.
class _WebSocketWait:
	extends _Wait

	func _listen() -> void:
		var peer: WebSocketPeerRs = _source.get_ref()
		var connected: int = peer.closed.connect(_on_closed)
		assert(connected == OK)

	func stop() -> void:
		var peer: WebSocketPeerRs = _source.get_ref()
		if peer != null:
			peer.closed.disconnect(_on_closed)

	func step() -> Error:
		var peer: WebSocketPeerRs = _source.get_ref()
		_result.message = ""
		if peer == null:
			return _explained(ERR_SKIP, "await: peer was freed")
		peer.poll()
		# A handler may have freed the node that awaits.
		if _tree != null and not _is_awaited():
			return ERR_SKIP
		# Messages that came before the end come first.
		var outcome: Error = _attempt.call(peer)
		if outcome != ERR_BUSY:
			return outcome
		if _end == ERR_BUSY and peer.get_ready_state() == WebSocketPeerRs.STATE_CLOSED:
			# It has ended before this await, perhaps in the one before.
			_on_closed(peer.get_close_code(), "")
			if peer.get_close_code() < 0 and peer.get_last_error() == OK:
				_end = ERR_UNCONFIGURED
				_end_message = "await: WebSocket is closed"
		if _end != ERR_BUSY:
			return _explained(_end, _end_message)
		return _busy_or_timed_out()

	func _on_closed(code: int, _reason: String) -> void:
		var peer: WebSocketPeerRs = _source.get_ref()
		if _end != ERR_BUSY or peer == null:
			return
		_end = peer.get_last_error()
		_end_message = peer.get_last_error_message()
		if code >= 0 and _end == OK:
			_end = ERR_FILE_EOF
			_end_message = "await: WebSocket was closed with %d" % code
		elif _end == OK:
			_end = ERR_SKIP
			_end_message = "await: WebSocket was closed on this side"
