extends "res://tests/support/test_case.gd"
## Cases in which servers do more than the engine's classes.


func test_listen_does_not_take_the_path_of_a_server_with_a_full_backlog() -> void:
	if lacks_uds():
		return
	# A full backlog must not be mistaken for a server that no longer runs.
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


func test_freeing_a_server_closes_connections_that_nobody_took() -> void:
	for kind: String in family.kinds():
		var end := endpoint(kind)
		var client := dial(end)
		settle(client)
		end.server = null
		spin_until(func() -> bool:
			client.poll()
			return client.get_status() != STATUS_CONNECTED, kind + ": the client to notice")
