extends RefCounted
## The timed loop of connecting and accepting. `typed_script.gd` makes the same loop for other
## classes.

# The timed calls discard their results.
@warning_ignore_start("return_value_discarded")


## Makes connections one after the other, and returns the time in microseconds.
func connect_and_accept(count: int) -> int:
	var server: TCPServer = TCPServer.new()
	server.listen(0, "127.0.0.1")
	var port: int = server.get_local_port()
	# Kept until the end, so that closing them is not timed.
	var peers: Array[StreamPeerTCP] = []
	var begin: int = Time.get_ticks_usec()
	for i: int in count:
		var client: StreamPeerTCP = StreamPeerTCP.new()
		client.connect_to_host("127.0.0.1", port)
		while not server.is_connection_available():
			pass
		peers.append(server.take_connection())
		while client.get_status() == StreamPeerTCP.STATUS_CONNECTING:
			client.poll()
		peers.append(client)
	return Time.get_ticks_usec() - begin
