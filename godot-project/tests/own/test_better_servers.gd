extends "res://tests/support/test_case.gd"
## Where servers go beyond the engine's classes.


func test_a_full_servers_path_is_not_taken() -> void:
	if lacks_uds():
		return
	# A queue that is full must not be mistaken for a server that is gone.
	var first := endpoint("uds")
	var queue: Array[StreamPeer] = []
	while queue.size() < 5000:
		queue.append(dial(first))
		if queue.back().get_status() == STATUS_CONNECTING:
			break
	check_eq(queue.back().get_status(), STATUS_CONNECTING, "the queue is full")
	var second := UDSServerRs.new()
	check_eq(quietly(func() -> int: return second.listen(first.path)), ERR_ALREADY_IN_USE,
			"listen on a full path")
	accept(first)
	reaches(queue.back(), STATUS_CONNECTED, "the last in the queue")


func test_an_accepted_peer_in_an_abandoned_queue_is_closed() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var client := dial(end)
		settle(client)
		end.server = null
		spin_until(func() -> bool:
			client.poll()
			return client.get_status() != STATUS_CONNECTED, kind + ": the client to notice")
