extends "res://tests/support/test_case.gd"
## Tests of `write_buffer_limit`, `coalesce_writes`, `flush` and `drained`: writing without waiting.

const SignalLog := preload("res://tests/support/signal_log.gd")
const LIMIT := 1 << 20
const BLOCK := 1 << 16


func test_a_new_peer_has_no_write_queue() -> void:
	for kind: String in family.kinds():
		var peer: StreamPeer = family.peer(kind)
		check_eq(peer.write_buffer_limit, 0, kind + ": write_buffer_limit")
		check_eq(peer.coalesce_writes, false, kind + ": coalesce_writes")
		check_eq(peer.get_pending_write_bytes(), 0, kind + ": get_pending_write_bytes")
		check_eq(peer.flush(), FAILED, kind + ": flush of a closed peer")


func test_nothing_is_queued_by_default() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.put_u8(1)
		check_eq(pair.client.get_pending_write_bytes(), 0, kind + ": get_pending_write_bytes")
		check_eq(pair.client.flush(), OK, kind + ": flush")
		check_eq(pair.served.get_u8(), 1, kind + ": a byte")


func test_a_full_queue_refuses_whole_blocks_and_keeps_the_order() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.poll()
		pair.client.write_buffer_limit = LIMIT
		var seen := SignalLog.of_peer(pair.client)
		var blocks := _until_busy(pair.client)
		var pending: int = pair.client.get_pending_write_bytes()
		check(pending > LIMIT - BLOCK and pending <= LIMIT, "%s: %d bytes are queued" % [kind, pending])
		check_eq(pair.client.get_last_error(), ERR_BUSY, kind + ": get_last_error")
		check_eq(pair.client.put_data(_block(255, LIMIT + 1)), ERR_BUSY,
				kind + ": more than the limit")
		var pending_now: int = pair.client.get_pending_write_bytes()
		# The system accepts more once it has moved bytes into the other side's buffer.
		check(pending_now <= pending,
				"%s: the refused block is not queued: %d bytes, %d before" % [kind, pending_now, pending])
		check_eq(pair.client.flush(), ERR_BUSY, kind + ": flush")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")
		check_eq(seen.entries, [], kind + ": signals before it is sent")
		# The refused block can be put again when there is room.
		for i in blocks:
			_expect_block(pair, i)
		spin_until(func() -> bool:
			pair.client.poll()
			return pair.client.get_pending_write_bytes() == 0, kind + ": everything to be sent")
		for i in 5:
			pair.client.poll()
		check_eq(seen.entries, [["drained"]], kind + ": signals")
		check_eq(pair.client.flush(), OK, kind + ": flush of nothing")
		check_eq(pair.served.get_available_bytes(), 0, kind + ": no byte of the refused blocks")
		check_eq(pair.client.put_data([42]), OK, kind + ": put_data")
		check_eq(pair.served.get_u8(), 42, kind + ": a byte")
		pair.client.poll()
		check_eq(seen.entries, [["drained"]], kind + ": no drained without queued bytes")


func test_drained_is_emitted_once_each_time_the_queue_empties() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.write_buffer_limit = LIMIT
		var seen := SignalLog.of(pair.client, ["drained"])
		for round in 3:
			var blocks := _until_busy(pair.client)
			for i in blocks:
				_expect_block(pair, i)
			spin_until(func() -> bool:
				pair.client.poll()
				return seen.entries.size() >= round + 1, kind + ": drained")
			pair.client.poll()
			check_eq(seen.entries.size(), round + 1, kind + ": drained")


func test_partial_writes_queue_as_much_as_fits() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.write_buffer_limit = 1000
		var sent := 0
		while true:
			var outcome: Array = pair.client.put_partial_data(_block(1, BLOCK))
			check_eq(outcome[0], OK, kind + ": put_partial_data")
			sent += outcome[1]
			if outcome[1] < BLOCK:
				break
		while pair.client.put_partial_data(_block(1, 500))[1] == 500:
			sent += 500
		check(pair.client.get_pending_write_bytes() <= 1000, kind + ": within the limit")
		pair.client.poll()
		check(sent >= BLOCK, kind + ": some was taken")


func test_data_put_while_connecting_is_queued_and_sent() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		var peer: StreamPeer = family.peer(kind)
		end.connect_peer(peer)
		check_eq(peer.put_data([1]), FAILED, kind + ": put_data without a queue")
		peer.write_buffer_limit = 100
		var seen := SignalLog.of(peer, ["drained", "connect_finished"])
		check_eq(peer.put_data([1, 2, 3]), OK, kind + ": put_data")
		peer.put_u8(4)
		check_eq(peer.put_data(_block(0, 97)), ERR_BUSY, kind + ": too much")
		check_eq(peer.get_pending_write_bytes(), 4, kind + ": get_pending_write_bytes")
		peer.poll()
		check_eq(peer.get_status(), STATUS_CONNECTING, kind + ": status")
		while end.server.take_connection() != null:
			pass
		queue.clear()
		# Over TCP the system repeats the attempt after a second.
		reaches(peer, STATUS_CONNECTED, kind + ": the connect, once the backlog has room")
		check_eq(peer.get_pending_write_bytes(), 0, kind + ": the poll that connects sends it")
		peer.poll()
		check_eq(seen.entries, [["connect_finished", OK], ["drained"]], kind + ": signals")
		var served := _last(end)
		check_eq(served.get_data(4), [OK, PackedByteArray([1, 2, 3, 4])], kind + ": the received bytes")


func test_a_queue_is_not_kept_for_the_next_connection() -> void:
	for kind: String in family.kinds():
		var end := small_endpoint(kind)
		var queue := fill(end)
		var peer: StreamPeer = family.peer(kind)
		peer.write_buffer_limit = 100
		end.connect_peer(peer)
		peer.put_data([1, 2, 3])
		peer.disconnect_from_host()
		check_eq(peer.get_pending_write_bytes(), 0, kind + ": after the cancelled connect")
		check(not queue.is_empty(), "the backlog was full all the time")
		var other := endpoint(kind)
		other.connect_peer(peer)
		settle(peer)
		peer.put_u8(9)
		check_eq(accept(other).get_u8(), 9, kind + ": the first byte of the next connection")


func test_disconnecting_sends_the_queue() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.write_buffer_limit = LIMIT
		var blocks := _until_busy(pair.client)
		check(pair.client.get_pending_write_bytes() > 0, kind + ": bytes are queued")
		var start := Time.get_ticks_msec()
		pair.client.disconnect_from_host()
		check(not System.is_over(start, 5000), kind + ": disconnect_from_host does not wait")
		check_eq(pair.client.get_status(), STATUS_NONE, kind + ": status")
		check_eq(pair.client.get_pending_write_bytes(), 0, kind + ": get_pending_write_bytes")
		for i in blocks:
			_expect_block(pair, i)
		check_eq(pair.served.get_partial_data(1)[0], ERR_FILE_EOF, kind + ": then the end")


func test_dropping_the_peer_sends_the_queue() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.write_buffer_limit = LIMIT
		var blocks := _until_busy(pair.client)
		pair.client = null
		for i in blocks:
			_expect_block(pair, i)


func test_a_lingering_close_ends_after_the_write_timeout() -> void:
	# Over a Unix domain socket the other side cannot tell when that has happened.
	var pair := link("tcp")
	pair.client.write_buffer_limit = LIMIT
	pair.client.write_timeout = 0.05
	var blocks := _until_busy(pair.client)
	pair.client.disconnect_from_host()
	# The other side reads nothing until a failed write shows that the time is over.
	spin_until(func() -> bool: return pair.served.put_data([1]) != OK, "the connection to be closed")
	var got := 0
	while got < blocks * BLOCK:
		var outcome: Array = pair.served.get_partial_data(BLOCK)
		if outcome[0] != OK:
			break
		got += outcome[1].size()
	check(got < blocks * BLOCK, "not everything has arrived")


func test_a_reset_discards_the_queue() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.write_buffer_limit = LIMIT
		_until_busy(pair.client)
		var seen := SignalLog.of(pair.client, ["disconnected", "drained"])
		pair.served.abort()
		spin_until(func() -> bool:
			pair.client.poll()
			return pair.client.get_status() != STATUS_CONNECTED, kind + ": the end")
		check_eq(seen.entries.size(), 1, kind + ": signals %s" % [seen.entries])
		check_eq(seen.count("disconnected"), 1, kind + ": disconnected")
		check_eq(pair.client.get_pending_write_bytes(), 0, kind + ": get_pending_write_bytes")


func test_coalesced_puts_are_sent_by_flush_and_poll() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.coalesce_writes = true
		for way: Callable in [func() -> int: return pair.client.flush(),
				func() -> int: return pair.client.poll()]:
			for i in 10:
				pair.client.put_u8(i)
			check_eq(pair.client.get_pending_write_bytes(), 10, kind + ": coalesced")
			pair.served.poll()
			check_eq(pair.served.get_available_bytes(), 0, kind + ": nothing is sent")
			check_eq(way.call(), OK, kind + ": flush or poll")
			check_eq(pair.client.get_pending_write_bytes(), 0, kind + ": sent")
			check_eq(pair.served.get_data(10), [OK, PackedByteArray(range(10))],
					kind + ": the received bytes")


func test_a_read_without_data_sends_coalesced_bytes() -> void:
	for kind: String in family.kinds():
		for read: Callable in [func(peer: StreamPeer) -> Variant: return peer.get_partial_data(4)[1],
				func(peer: StreamPeer) -> Variant: return peer.receive(),
				func(peer: StreamPeer) -> Variant: return peer.read_line(),
				func(peer: StreamPeer) -> Variant: return peer.get_available_bytes()]:
			var pair := link(kind)
			pair.client.coalesce_writes = true
			pair.client.put_data("ask\n".to_ascii_buffer())
			read.call(pair.client)
			check_eq(pair.client.get_pending_write_bytes(), 0, kind + ": sent")
			check_eq(pair.served.get_data(4), [OK, "ask\n".to_ascii_buffer()], kind + ": the received bytes")


## StreamPeerTLS never polls its stream, and reads without waiting.
func test_tls_works_over_peers_that_coalesce() -> void:
	if quietly(func() -> Object: return ClassDB.instantiate("Crypto")) == null:
		return skip("this engine has no TLS")
	var crypto := Crypto.new()
	var key := crypto.generate_rsa(2048)
	var certificate := crypto.generate_self_signed_certificate(key, "CN=localhost,O=Tests,C=DE")
	for kind: String in family.kinds():
		var pair := link(kind)
		for peer: StreamPeer in [pair.client, pair.served]:
			peer.coalesce_writes = true
		var server := StreamPeerTLS.new()
		check_eq(server.accept_stream(pair.served, TLSOptions.server(key, certificate)), OK,
				kind + ": accept_stream")
		var client := StreamPeerTLS.new()
		var trust := TLSOptions.client(certificate, "localhost")
		check_eq(client.connect_to_stream(pair.client, "localhost", trust), OK,
				kind + ": connect_to_stream")
		spin_until(func() -> bool:
			client.poll()
			server.poll()
			return (client.get_status() == StreamPeerTLS.STATUS_CONNECTED
					and server.get_status() == StreamPeerTLS.STATUS_CONNECTED),
					kind + ": the handshake")
		check_eq(client.put_data([1, 2, 3]), OK, kind + ": put_data")
		var received := [PackedByteArray()]
		spin_until(func() -> bool:
			client.poll()
			server.poll()
			received[0].append_array(server.get_partial_data(3)[1])
			return received[0] == PackedByteArray([1, 2, 3]), kind + ": the received bytes")


func test_sixteen_coalesced_kibibytes_are_sent_at_once() -> void:
	for kind: String in family.kinds():
		for limit in [0, LIMIT]:
			var pair := link(kind)
			pair.client.coalesce_writes = true
			pair.client.write_buffer_limit = limit
			for i in 15:
				pair.client.put_data(_block(i, 1024))
			check_eq(pair.client.get_pending_write_bytes(), 15 * 1024, kind + ": coalesced")
			pair.client.put_data(_block(15, 1024))
			check_eq(pair.client.get_pending_write_bytes(), 0, kind + ": sent")
			for i in 16:
				check_eq(pair.served.get_data(1024), [OK, _block(i, 1024)], "%s: block %d" % [kind, i])


func test_flush_waits_up_to_the_write_timeout() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.write_timeout = 0.03
		var code := [OK]
		# The system may accept the coalesced bytes after all. Then they are sent, and the next
		# attempt follows.
		spin_until(func() -> bool:
			_fill(pair.client)
			pair.client.coalesce_writes = true
			pair.client.put_data(_block(1, 100))
			code[0] = pair.client.flush()
			if code[0] == OK:
				check_eq(pair.client.get_pending_write_bytes(), 0, kind + ": nothing stays after OK")
			pair.client.coalesce_writes = false
			return code[0] != OK, kind + ": a flush that fails")
		check_eq(code[0], ERR_TIMEOUT, kind + ": flush")
		check_eq(pair.client.get_last_error(), ERR_TIMEOUT, kind + ": get_last_error")
		check_eq(pair.client.get_pending_write_bytes(), 100, kind + ": the coalesced bytes stay")
		check_eq(pair.client.get_status(), STATUS_CONNECTED, kind + ": status")


func test_closing_sends_coalesced_bytes() -> void:
	for kind: String in family.kinds():
		for end: Callable in [func(peer: StreamPeer) -> void: peer.disconnect_from_host(),
				func(peer: StreamPeer) -> void: peer.shutdown_write(), func(_peer: StreamPeer) -> void: pass]:
			var pair := link(kind)
			pair.client.coalesce_writes = true
			pair.client.put_string("coalesced")
			end.call(pair.client)
			pair.client = null
			check_eq(pair.served.get_string(), "coalesced", kind + ": the received bytes")
			check_eq(pair.served.get_partial_data(1)[0], ERR_FILE_EOF, kind + ": then the end")


func test_disabling_coalesce_writes_keeps_the_coalesced_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.coalesce_writes = true
		pair.client.put_u8(1)
		pair.client.coalesce_writes = false
		pair.client.put_u8(2)
		check_eq(pair.served.get_data(2), [OK, PackedByteArray([1, 2])], kind + ": the received bytes")


func test_disabling_the_queue_sends_it_before_new_bytes() -> void:
	for kind: String in family.kinds():
		var pair := link(kind)
		pair.client.write_buffer_limit = LIMIT
		var blocks := _until_busy(pair.client)
		pair.client.write_buffer_limit = 0
		var writer := in_thread(func() -> int: return pair.client.put_data(_block(blocks, BLOCK)))
		for i in blocks + 1:
			_expect_block(pair, i)
		check_eq(join(writer, "the writer"), OK, kind + ": put_data that waits")


# Puts blocks into `peer`, whose other side does not read, until one is refused. Returns how many
# were taken.
func _until_busy(peer: StreamPeer) -> int:
	var blocks := 0
	while blocks < 10000:
		var error := peer.put_data(_block(blocks, BLOCK))
		if error != OK:
			check_eq(error, ERR_BUSY, "the refused put")
			return blocks
		blocks += 1
	check(false, "put_data never refuses")
	return blocks


# Fills the system's buffers of `peer`, whose other side does not read. They have room again after
# bytes were moved to the other side, so they count as full only after many refusals. Even then the
# system may find room later, when it packs the received bytes more densely.
func _fill(peer: StreamPeer) -> void:
	var refused := [0]
	spin_until(func() -> bool:
		while peer.put_partial_data(_block(0, BLOCK))[1] > 0:
			refused[0] = 0
		refused[0] += 1
		OS.delay_msec(1)
		return refused[0] == 50, "the system's buffers to be full")


# Reads a block at the other side, while the client, if there still is one, sends its queue.
func _expect_block(pair: Link, number: int) -> void:
	var got := [PackedByteArray()]
	spin_until(func() -> bool:
		if pair.client != null:
			pair.client.poll()
		got[0].append_array(pair.served.receive(BLOCK - got[0].size()))
		return got[0].size() == BLOCK, "block %d to arrive" % number)
	check(got[0] == _block(number, BLOCK), "block %d" % number)


func _block(number: int, size: int) -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(size)
	bytes.fill(number % 251)
	return bytes


# The newest connection.
func _last(end: Endpoint) -> StreamPeer:
	var last := accept(end)
	while true:
		var next: StreamPeer = end.server.take_connection()
		if next == null:
			return last
		last = next
	return null
