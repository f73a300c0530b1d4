extends Node
## One exchange: a server and a client in the same process connect, and send each other parcels at
## the same time.
##
## The same code serves TCP and Unix domain sockets; only how to listen and connect differs. It
## works for a few milliseconds per frame and never waits for the network, so the game keeps its
## frame rate.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

signal status_changed(side: String, from: StreamPeerSocketRs.Status, to: StreamPeerSocketRs.Status)
signal logged(text: String)
## [param bytes] of [param total] have arrived at one side.
signal progressed(side: String, bytes: int, total: int)
## The bytes sent in both directions together, and the time that this took.
signal measured(bytes: int, seconds: float, frames: int)
signal finished(succeeded: bool, text: String)

const Endpoint := preload("endpoint.gd")

## How much of each frame an exchange may use, in microseconds. A test reduces it.
static var frame_budget_usec: int = 4_000

var _server: SocketServerRs
var _client: Endpoint
## The server's end of the connection, null until the server has taken it.
var _accepted: Endpoint
var _server_parcel: Dictionary
## The folder of the socket file. It is deleted with the last reference to this object.
var _folder: DirAccess
var _started_usec: int = 0
var _frames: int = 0
var _is_closing: bool = false


func _ready() -> void:
	set_process(false)


func start_tcp(client_parcel: Dictionary, server_parcel: Dictionary) -> void:
	var server: TCPServerRs = TCPServerRs.new()
	var client: StreamPeerTCPRs = StreamPeerTCPRs.new()
	_prepare(server, client, client_parcel, server_parcel)
	# Port 0 lets the system choose a free one.
	if _listens(server, server.listen(0, "127.0.0.1")):
		logged.emit("server listens on 127.0.0.1, port %d" % server.get_local_port())
		_connects(client, client.connect_to_host("127.0.0.1", server.get_local_port()))


func start_uds(client_parcel: Dictionary, server_parcel: Dictionary) -> void:
	var server: UDSServerRs = UDSServerRs.new()
	var client: StreamPeerUDSRs = StreamPeerUDSRs.new()
	_prepare(server, client, client_parcel, server_parcel)
	# A socket's path may have about 100 bytes. Paths in user:// are often longer.
	_folder = DirAccess.create_temp("demo")
	if _folder == null:
		_finish(false, "cannot create a folder for the socket")
		return
	var path: String = _folder.get_current_dir().path_join("socket")
	if _listens(server, server.listen(path)):
		logged.emit("server listens on " + path)
		_connects(client, client.connect_to_host(path))


func _prepare(
	server: SocketServerRs, client: StreamPeerSocketRs, client_parcel: Dictionary,
	server_parcel: Dictionary
) -> void:
	_server = server
	_server_parcel = server_parcel
	_client = _endpoint("client", client, client_parcel)
	set_process(true)


func _endpoint(side: String, peer: StreamPeerSocketRs, parcel: Dictionary) -> Endpoint:
	var endpoint: Endpoint = Endpoint.new(side, peer, parcel)
	endpoint.status_changed.connect(status_changed.emit)
	return endpoint


func _listens(server: SocketServerRs, error: Error) -> bool:
	return _succeeds(error, server.get_last_error(), server.get_last_error_message())


func _connects(client: StreamPeerSocketRs, error: Error) -> bool:
	return _succeeds(error, client.get_last_error(), client.get_last_error_message())


func _succeeds(error: Error, last_error: Error, message: String) -> bool:
	if error != OK and last_error == ERR_UNAVAILABLE:
		# Not every system has Unix domain sockets. A program should continue without them.
		_finish(true, "this kind of socket is not available on this system")
	elif error != OK:
		_finish(false, message)
	return error == OK


func _process(_delta: float) -> void:
	_frames += 1
	var frame_end: int = Time.get_ticks_usec() + frame_budget_usec
	while _step() and Time.get_ticks_usec() < frame_end:
		pass
	for end: Endpoint in [_client, _accepted]:
		if end != null and end.expected_size > 0:
			progressed.emit(end.side, end.received_size, end.expected_size)
	_decide()


## Makes one step without waiting, and returns whether anything moved.
func _step() -> bool:
	var moved: bool = _client.step()
	if _accepted != null:
		return _accepted.step() or moved
	if _server.is_connection_available():
		_accepted = _endpoint("server", _server.take_socket_connection(), _server_parcel)
		# The peer is connected already. Until its status is checked it counts as ended, and this
		# may be the last step of the frame.
		_accepted.notice_status()
		_started_usec = Time.get_ticks_usec()
		return true
	return moved


func _decide() -> void:
	if _is_closing:
		# The server's end notices by polling that the client has closed.
		if _has_ended(_accepted):
			_finish(true, "everything arrived intact")
	elif _client.is_done() and _accepted != null and _accepted.is_done():
		_conclude()
	else:
		for end: Endpoint in [_client, _accepted]:
			if _has_ended(end):
				return _finish(false,
						"the %s's connection ended early: %s" % [end.side, end.peer.get_last_error_message()])


func _has_ended(end: Endpoint) -> bool:
	return (end != null
			and end.status in [StreamPeerSocketRs.STATUS_NONE, StreamPeerSocketRs.STATUS_ERROR])


func _conclude() -> void:
	var seconds: float = (Time.get_ticks_usec() - _started_usec) / 1e6
	measured.emit(_client.received_size + _accepted.received_size, seconds, _frames)
	if _is_intact(_client, _accepted) and _is_intact(_accepted, _client):
		_is_closing = true
		_client.peer.disconnect_from_host()
		_client.notice_status()


## Logs the parcel that one end has sent to the other, and compares it with the original.
func _is_intact(from: Endpoint, to: Endpoint) -> bool:
	var got: Dictionary = to.received
	logged.emit('%s got "%s", %d, %s, %s'
			% [to.side, got["text"], got["number"], got["fraction"], got["thing"]])
	for key: String in from.parcel:
		# Comparing Variants of different types can be an error, so the types are compared first.
		if typeof(got[key]) != typeof(from.parcel[key]) or got[key] != from.parcel[key]:
			_finish(false, "the %s's %s did not arrive intact" % [from.side, key])
			return false
	return true


func _finish(succeeded: bool, text: String) -> void:
	set_process(false)
	_server.stop()
	finished.emit(succeeded, text)
