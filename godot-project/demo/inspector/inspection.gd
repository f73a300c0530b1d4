extends RefCounted
## Inspects one connection, outgoing or incoming: reports its events and its bytes.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

## Emitted for each event, with the time since the beginning.
signal happened(seconds: float, what: String)
## Emitted for received and sent bytes. [param total] is the number of bytes before these.
signal moved(bytes: PackedByteArray, total: int, is_received: bool)

const Address := preload("res://demo/address.gd")

const STATUS_NAMES: Array[String] = ["NONE", "CONNECTING", "CONNECTED", "ERROR"]

var peer: StreamPeerSocketRs

var _server: SocketServerRs
var _start: int = 0
var _received: int = 0
var _sent: int = 0


## Connects to an address.
func open(address: Address) -> void:
	_begin()
	_watch(address.new_peer())
	if address.connect_peer(peer) != OK:
		_tell(peer.get_last_error_message())


## Listens at an address for one connection.
func listen(address: Address) -> void:
	_begin()
	_server = address.listen(_tell)
	if _server == null:
		return
	_tell("listening" if not _server is TCPServerRs
			else "listening at port %d" % (_server as TCPServerRs).get_local_port())
	_server.connection_available.connect(_on_connection_available)
	_server.auto_poll = true


## The port of the listening server, or 0.
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


## The addresses that were tried, with their outcomes.
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
	# Methods, not lambdas: a lambda would keep this object alive, and with it the peer.
	peer.status_changed.connect(_on_status_changed)
	peer.connect_finished.connect(_on_connect_finished)
	peer.data_available.connect(_on_data_available)
	peer.disconnected.connect(_on_disconnected)


func _on_connection_available() -> void:
	_watch(_server.take_socket_connection())
	# Only one connection is inspected, so further ones are refused.
	_server.stop()
	_server = null
	_tell("accepted" if not peer is StreamPeerTCPRs else "accepted from %s:%d" % [
			(peer as StreamPeerTCPRs).get_connected_host(), (peer as StreamPeerTCPRs).get_connected_port()])


func _on_status_changed(status: int) -> void:
	_tell("status: " + STATUS_NAMES[status])


func _on_connect_finished(error: Error) -> void:
	_tell("connected" if error == OK else peer.get_last_error_message())


func _on_data_available() -> void:
	var bytes: PackedByteArray = peer.receive()
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
