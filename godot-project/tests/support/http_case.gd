extends "res://tests/support/test_case.gd"
## The base of the tests of `HTTPServerRs`: raw clients, which send what no library sends.


## A client that sends any bytes and keeps what it receives.
class RawClient:
	var server: HTTPServerRs
	var peer: StreamPeerSocketRs
	var received := PackedByteArray()

	func send(text: String) -> void:
		peer.put_data(text.to_utf8_buffer())

	## Polls both sides once.
	func step() -> void:
		if is_instance_valid(server):
			server.poll()
		peer.poll()
		received.append_array(peer.receive())

	func text() -> String:
		return received.get_string_from_utf8()

	func is_closed() -> bool:
		return peer.get_status() != STATUS_CONNECTED

	## What was received since the last call.
	func take() -> String:
		var taken := text()
		received = PackedByteArray()
		return taken


## A server on a fresh port. `handler` gets all its requests.
func serve(handler := Callable()) -> HTTPServerRs:
	var server := HTTPServerRs.new()
	check_eq(server.listen(0), OK, "listen")
	if handler.is_valid():
		server.request_received.connect(handler)
	return server


func connected_to(server: HTTPServerRs) -> RawClient:
	var client := RawClient.new()
	client.server = server
	client.peer = StreamPeerTCPRs.new()
	check_eq(client.peer.connect_to_host(LOOPBACK, server.get_local_port()), OK, "connect")
	poll_connect(client.peer)
	client.peer.write_buffer_limit = 1 << 20
	return client


## Sends `text` in one piece, and returns all that comes until the server closes.
func ask(server: HTTPServerRs, text: String) -> String:
	var client := connected_to(server)
	client.send(text)
	return await_close(client)


func await_close(client: RawClient) -> String:
	spin_until(func() -> bool:
		client.step()
		return client.is_closed(), "the server to close")
	return client.take()


## Waits until `client` has received a text with `part` in it.
func await_text(client: RawClient, part: String) -> bool:
	return spin_until(func() -> bool:
		client.step()
		return client.text().contains(part), "%s, not %s" % [part, client.text()])


## A request that ends its connection.
func request_text(line: String, headers := "", body := "") -> String:
	return "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n%s" % [line, headers, body]


func status_of(answer: String) -> int:
	return answer.get_slice(" ", 1).to_int()


func body_of(answer: String) -> String:
	var end := answer.find("\r\n\r\n")
	return answer.substr(end + 4) if end >= 0 else ""


## The value of a header in an answer.
func header_of(answer: String, name: String) -> String:
	for line in answer.get_slice("\r\n\r\n", 0).split("\r\n"):
		if line.get_slice(":", 0).to_lower() == name:
			return line.substr(name.length() + 1).strip_edges()
	return ""
