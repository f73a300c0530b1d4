extends RefCounted
## One connection under the glass, made or awaited: what happens to it, and what goes over it.

## Something has happened, so many seconds after it began.
signal happened(seconds: float, what: String)
## Bytes have come, or were sent; [param total] of them before.
signal moved(bytes: PackedByteArray, total: int, is_received: bool)

const STATUS_NAMES: Array[String] = ["NONE", "CONNECTING", "CONNECTED", "ERROR"]

var peer: StreamPeerSocketRs

var _server: SocketServerRs
var _start := 0
var _received := 0
var _sent := 0


## Connects to an address (address.gd).
func open(address: RefCounted) -> void:
	_begin()
	_watch(address.new_peer())
	if address.connect_peer(peer) != OK:
		_tell(peer.get_last_error_message())


## Waits at an address for the first who comes.
func listen(address: RefCounted) -> void:
	_begin()
	_server = address.listen(_tell)
	if _server == null:
		return
	_tell("listening" if not _server is TCPServerRs
			else "listening at port %d" % (_server as TCPServerRs).get_local_port())
	_server.connection_available.connect(_on_connection_available)
	_server.auto_poll = true


## The port that it waits at, or 0.
func get_listening_port() -> int:
	return (_server as TCPServerRs).get_local_port() if _server is TCPServerRs else 0


func close() -> void:
	if _server != null:
		_server.stop()
	_server = null
	if peer != null:
		peer.disconnect_from_host()


func send(bytes: PackedByteArray) -> void:
	if peer == null:
		return
	if peer.put_data(bytes) != OK:
		return _tell(peer.get_last_error_message())
	moved.emit(bytes, _sent, false)
	_sent += bytes.size()


## Each address that was tried, and what became of it.
func attempts() -> Array:
	return peer.get_statistics().connect_attempts if peer != null else []


func _begin() -> void:
	close()
	peer = null
	_start = Time.get_ticks_usec()
	_received = 0
	_sent = 0


func _watch(of: StreamPeerSocketRs) -> void:
	peer = of
	peer.auto_poll = true
	peer.write_buffer_limit = 1 << 20
	# Methods, not lambdas: a lambda would hold this object, and so the peer itself.
	peer.status_changed.connect(_on_status_changed)
	peer.connect_finished.connect(_on_connect_finished)
	peer.data_available.connect(_on_data_available)
	peer.disconnected.connect(_on_disconnected)


func _on_connection_available() -> void:
	_watch(_server.take_socket_connection())
	# There is one connection under the glass: nobody else is let in.
	_server.stop()
	_server = null
	_tell("accepted" if not peer is StreamPeerTCPRs else "accepted from %s:%d" % [
			(peer as StreamPeerTCPRs).get_connected_host(), (peer as StreamPeerTCPRs).get_connected_port()])


func _on_status_changed(status: int) -> void:
	_tell("status: " + STATUS_NAMES[status])


func _on_connect_finished(error: Error) -> void:
	_tell("connected" if error == OK else peer.get_last_error_message())


func _on_data_available() -> void:
	var bytes := peer.receive()
	moved.emit(bytes, _received, true)
	_received += bytes.size()


func _on_disconnected(error: Error) -> void:
	match error:
		OK:
			_tell("disconnected on this side")
		ERR_FILE_EOF:
			_tell("the other side has ended the stream")
		_:
			_tell(peer.get_last_error_message())


func _tell(what: String) -> void:
	happened.emit((Time.get_ticks_usec() - _start) / 1e6, what)
