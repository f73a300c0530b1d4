extends RefCounted
## Waits for what a peer receives, without holding up a frame.
##
## Each function polls the peer once a frame, so [member StreamPeerSocketRs.auto_poll] need not be set, and always comes
## to an end: with what was asked for, when the time is over, or when the connection ends. A peer that is still
## connecting will do. Call them on the main thread, and one at a time for each peer.
## [codeblock]
## const SocketAwait := preload("res://addons/stream_peer_socket_rs/socket_await.gd")
##
## func ask(host: String, port: int) -> void:
##     var peer := StreamPeerTCPRs.new()
##     peer.connect_to_host(host, port)
##     var greeting := await SocketAwait.line(peer, 5.0)
##     if greeting.error != OK:
##         print("no greeting: ", error_string(greeting.error))
##         return
##     print(greeting.text())
##     var picture := await SocketAwait.bytes(peer, 1024, 5.0)
##     print(picture.data.size(), " bytes")
## [/codeblock]

## The time limit where none is given, in seconds.
const DEFAULT_TIMEOUT := 30.0


## What an await has ended with.
class Result:
	## [constant OK] if [member data] is what was asked for. Otherwise [constant ERR_TIMEOUT]; [constant ERR_SKIP] if the
	## peer was disconnected on this side; [constant ERR_FILE_EOF] if the other side has ended the stream before;
	## [constant ERR_CONNECTION_ERROR] if the connection has failed; what [signal StreamPeerSocketRs.connect_finished]
	## told if there never was one; [constant ERR_INVALID_DATA] if more came than was allowed;
	## [constant ERR_INVALID_PARAMETER] if the call itself was wrong; or [constant ERR_UNCONFIGURED] if the peer was
	## neither connecting nor connected.
	var error := OK
	## The bytes.
	var data := PackedByteArray()

	## The bytes as text in UTF-8; see [method PacketPeerSocketRs.decode_text].
	func text() -> String:
		return PacketPeerSocketRs.decode_text(data)


## Waits for [param count] bytes, for at most [param timeout_sec] seconds. After an error [member Result.data] has what
## came before it, which is read then: it may be part of what was asked for. A negative count is an error, and nothing is
## read.
static func bytes(peer: StreamPeerSocketRs, count: int, timeout_sec := DEFAULT_TIMEOUT) -> Result:
	var result := Result.new()
	if count < 0:
		result.error = ERR_INVALID_PARAMETER
		return result
	result.error = await _wait(peer, timeout_sec, func() -> Error:
		result.data.append_array(peer.receive(count - result.data.size()))
		return OK if result.data.size() >= count else ERR_BUSY)
	return result


## Waits for a line, which ends with a line feed; neither that nor a carriage return before it is in the result. Nothing
## is read until the line is complete, so after an error everything is still there. More than [param max_bytes] without
## an end is an error.
static func line(peer: StreamPeerSocketRs, timeout_sec := DEFAULT_TIMEOUT, max_bytes := 65536) -> Result:
	var result := await until(peer, "\n", timeout_sec, max_bytes)
	if result.error == OK and result.data.size() > 0 and result.data[-1] == 0x0d:
		result.data.resize(result.data.size() - 1)
	return result


## Waits for [param delimiter], a [String] or a [PackedByteArray], which is not in the result. Nothing is read until it
## has come, so after an error everything is still there. More than [param max_bytes] without it is an error, and so is an
## empty delimiter.
static func until(peer: StreamPeerSocketRs, delimiter: Variant, timeout_sec := DEFAULT_TIMEOUT, max_bytes := 65536) -> Result:
	var result := Result.new()
	result.error = await _wait(peer, timeout_sec, func() -> Error:
		var found: Variant = peer.read_until(delimiter, max_bytes)
		if found != null:
			result.data = found
			return OK
		var error := peer.get_last_error()
		if error == ERR_INVALID_PARAMETER:
			# Each look would print that.
			return error
		if peer.get_status() != StreamPeerSocketRs.STATUS_CONNECTED:
			return ERR_BUSY
		# What is there can be complete no more, or is too long.
		return ERR_BUSY if error == OK else error)
	return result


## Waits for the end of the stream, and gives everything up to it. After an error [member Result.data] has what came
## before it, which is read then.
static func end(peer: StreamPeerSocketRs, timeout_sec := DEFAULT_TIMEOUT) -> Result:
	var result := Result.new()
	result.error = await _wait(peer, timeout_sec, func() -> Error:
		result.data.append_array(peer.receive())
		return OK if peer.is_read_closed() and peer.get_available_bytes() == 0 else ERR_BUSY)
	if result.error == ERR_FILE_EOF:
		result.error = OK
	return result


## Waits for the next packet of [param peer]. After an error nothing was read. Without an end of its own, a packet that is
## not complete stays with the stream.
static func packet(peer: PacketPeerSocketRs, timeout_sec := DEFAULT_TIMEOUT) -> Result:
	var result := Result.new()
	if peer.stream == null:
		result.error = ERR_UNCONFIGURED
		return result
	result.error = await _wait(peer.stream, timeout_sec, func() -> Error:
		result.data = peer.get_packet()
		match peer.get_packet_error():
			OK:
				return OK
			ERR_INVALID_DATA:
				return ERR_INVALID_DATA
			ERR_FILE_EOF:
				return ERR_FILE_EOF
		return ERR_BUSY)
	return result


# Polls `peer` and calls `look` once a frame, until that returns something else than ERR_BUSY.
static func _wait(peer: StreamPeerSocketRs, timeout_sec: float, look: Callable) -> Error:
	var tree := Engine.get_main_loop() as SceneTree
	var watch := Watch.new(peer)
	var start := Time.get_ticks_usec()
	var outcome := ERR_BUSY
	while true:
		peer.poll()
		watch.is_past = false
		outcome = look.call() if watch.end == OK else watch.end
		if outcome != ERR_BUSY:
			break
		if peer.get_status() in [StreamPeerSocketRs.STATUS_NONE, StreamPeerSocketRs.STATUS_ERROR]:
			# The look has met the end: the next poll says why.
			peer.poll()
			outcome = watch.end if watch.end != OK else ERR_UNCONFIGURED
			break
		# Not the other way round: no time is more than NaN.
		if not Time.get_ticks_usec() - start < timeout_sec * 1e6:
			outcome = ERR_TIMEOUT
			break
		await tree.process_frame
	watch.stop(peer)
	return outcome


# Notices how the connection ends.
class Watch:
	# OK until it has.
	var end := OK
	# The first poll may tell of a connection before this one.
	var is_past := true

	func _init(peer: StreamPeerSocketRs) -> void:
		peer.status_changed.connect(_on_status_changed)
		peer.connect_finished.connect(_on_connect_finished)
		peer.disconnected.connect(_on_disconnected)

	func stop(peer: StreamPeerSocketRs) -> void:
		peer.status_changed.disconnect(_on_status_changed)
		peer.connect_finished.disconnect(_on_connect_finished)
		peer.disconnected.disconnect(_on_disconnected)

	func _on_status_changed(status: int) -> void:
		if is_past and status == StreamPeerSocketRs.STATUS_CONNECTING:
			end = OK

	func _on_connect_finished(error: int) -> void:
		_end(error)

	func _on_disconnected(error: int) -> void:
		_end(ERR_SKIP if error == OK else error)

	func _end(error: int) -> void:
		if end == OK:
			end = error as Error
