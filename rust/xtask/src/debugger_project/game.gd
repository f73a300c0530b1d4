extends Node
## A server and a client that talk with each other, and a peer that finds nobody.

var server := TCPServerRs.new()
var client := StreamPeerTCPRs.new()
var served: StreamPeerTCPRs
var refused := StreamPeerTCPRs.new()


func _ready() -> void:
	var other := TCPServerRs.new()
	other.listen(0, "127.0.0.1")
	refused.connect_to_host("127.0.0.1", other.get_local_port())
	other.stop()
	server.listen(0, "127.0.0.1")
	client.connect_to_host("127.0.0.1", server.get_local_port())


func _process(_delta: float) -> void:
	client.poll()
	refused.poll()
	if served == null:
		served = server.take_connection()
	elif client.get_status() == StreamPeerTCPRs.STATUS_CONNECTED:
		client.put_data("ping\n".to_utf8_buffer())
		served.receive()
