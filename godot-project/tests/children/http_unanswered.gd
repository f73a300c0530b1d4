extends SceneTree
## Handlers that do not answer: what the server prints, and what the clients get.

var _server := HTTPServerRs.new()
var _kept: Array[HTTPServerRequestRs] = []


func _initialize() -> void:
	_server.response_timeout = 0.2
	_server.listen(0)
	_server.route("GET", "/kept", _keep)
	_server.request_received.connect(func(_request: HTTPServerRequestRs) -> void: pass)
	_server.route_upload("POST", "/half", _keep, 100)
	_server.route_upload("POST", "/failing", _fail, 100)
	for path: String in ["/kept", "/evil", "/kept", "/evil"]:
		print(_ask("GET %s?evil HTTP/1.1\r\nHost: localhost\r\nX: evil\r\n\r\n" % path))
	for path: String in ["/half", "/failing", "/half", "/failing"]:
		print(_ask("POST %s?evil HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nevil" % path))
	quit()


func _keep(request: HTTPServerRequestRs) -> void:
	_kept.append(request)


## An error of a script within a body.
func _fail(request: HTTPServerRequestRs) -> void:
	while request.is_receiving_body():
		await request.body_received
		var nobody: Node = null
		nobody.get_children()


func _ask(text: String) -> String:
	var peer := StreamPeerTCPRs.new()
	peer.connect_to_host("127.0.0.1", _server.get_local_port())
	var received := PackedByteArray()
	var has_asked := false
	while peer.get_status() in [StreamPeerTCPRs.STATUS_CONNECTING, StreamPeerTCPRs.STATUS_CONNECTED]:
		peer.poll()
		if not has_asked and peer.get_status() == StreamPeerTCPRs.STATUS_CONNECTED:
			peer.put_data(text.to_ascii_buffer())
			has_asked = true
		_server.poll()
		received.append_array(peer.receive())
	return received.get_string_from_utf8()
