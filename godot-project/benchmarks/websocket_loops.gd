extends RefCounted
## The timed loops over WebSockets. They are written for the engine's class; `typed_script.gd` makes
## the same for ours. All times are in microseconds.

# The timed calls discard their results.
@warning_ignore_start("return_value_discarded")

## The bytes of a small message.
const MESSAGE_SIZE: int = 32
const BIG_SIZE: int = 1 << 20
## What may wait in a WebSocket: a few big messages.
const BUFFER_SIZE: int = 4 << 20

var peers: Array[WebSocketPeer] = []


## Makes a connected stream the next WebSocket. Its handshake ends in `is_open`. With `is_for_big`,
## big messages fit into its buffers.
func accept(stream: StreamPeer, is_for_big: bool) -> Error:
	var peer: WebSocketPeer = WebSocketPeer.new()
	if is_for_big:
		peer.inbound_buffer_size = BUFFER_SIZE
		peer.outbound_buffer_size = BUFFER_SIZE
	peers.append(peer)
	return peer.accept_stream(stream)


## Polls the last WebSocket. Returns whether it is open.
func is_open() -> bool:
	peers[-1].poll()
	return peers[-1].get_ready_state() == WebSocketPeer.STATE_OPEN


## Polls all WebSockets.
func poll_all() -> void:
	for peer: WebSocketPeer in peers:
		peer.poll()


## A frame that sends all received messages back. Returns its time, and the number of messages.
func echo() -> PackedInt64Array:
	var received: int = 0
	var begin: int = Time.get_ticks_usec()
	for peer: WebSocketPeer in peers:
		peer.poll()
		while peer.get_available_packet_count() > 0:
			peer.send(peer.get_packet())
			received += 1
	return [Time.get_ticks_usec() - begin, received]


## A message to each WebSocket.
func send_to_all(message: PackedByteArray) -> int:
	var begin: int = Time.get_ticks_usec()
	for peer: WebSocketPeer in peers:
		peer.send(message)
	return Time.get_ticks_usec() - begin


## Receives messages of the first WebSocket until there were `count`, or until `deadline`, which is
## in milliseconds. Returns the time, and the number of bytes.
func receive(count: int, deadline: int) -> PackedInt64Array:
	var peer: WebSocketPeer = peers[0]
	var size: int = 0
	var begin: int = Time.get_ticks_usec()
	while count > 0 and Time.get_ticks_msec() < deadline:
		peer.poll()
		while count > 0 and peer.get_available_packet_count() > 0:
			size += peer.get_packet().size()
			count -= 1
	return [Time.get_ticks_usec() - begin, size]


## Sends big messages from the first WebSocket, and polls until everything is on its way, or until
## `deadline`.
func send(count: int, deadline: int) -> void:
	var peer: WebSocketPeer = peers[0]
	var message: PackedByteArray = PackedByteArray()
	message.resize(BIG_SIZE)
	for i: int in count:
		# One message is sent while the next one is made.
		while (peer.get_current_outbound_buffered_amount() > BIG_SIZE
				and Time.get_ticks_msec() < deadline):
			peer.poll()
		peer.send(message)
	while peer.get_current_outbound_buffered_amount() > 0 and Time.get_ticks_msec() < deadline:
		peer.poll()
