extends SceneTree
## Frees the object of a call while the call runs script code, and makes calls of other objects of
## its class there. A Callable keeps no object, so the call itself does not keep it alive.

var _object: RefCounted
var _other: RefCounted
var _extra: RefCounted
var _failed := false


func _initialize() -> void:
	_free_in_put_json()
	_free_in_a_nested_nested_call()
	_free_in_set_stream()
	_free_in_poll_of_packets()
	_free_in_poll_of_a_peer()
	_free_in_poll_of_a_server()
	_free_in_poll_of_a_group()
	_free_in_set_conditions()
	_free_in_poll_of_an_http_server()
	print("survived")
	quit(1 if _failed else 0)


func _free_in_put_json() -> void:
	var far := _make_packets()
	_make_other()
	var value := Spoken.new(func() -> void:
		_object = null
		_expect(_other.put_text("inner") == OK, "put_text of the other object")
		_expect(_other.max_packet_bytes == 77, "a property of the other object"))
	_expect(Callable(_object, "put_json").call({"a": value}) == OK, "put_json ends as usual")
	_expect(_object == null, "the object is freed")
	_expect(_text_of(_extra) == "inner", "the other object's packet")
	_expect(str(_text_of(far)).begins_with("{\"a\":"), "the packet of the freed object")


func _free_in_a_nested_nested_call() -> void:
	var far := _make_packets()
	_make_other()
	var innermost := Spoken.new(func() -> void: _object = null)
	var value := Spoken.new(func() -> void:
		_expect(_other.put_json([innermost, 1]) == OK, "put_json in put_json")
		_expect(_other.get_last_error() == OK, "get_last_error of the other object"))
	# The object goes two calls further down, and this call continues with its part.
	Callable(_object, "put_json").call([value, 2])
	_expect(_object == null, "the object is freed")
	_expect(str(_text_of(_extra)).ends_with(",1]"), "the packet of the call in between")
	_expect(str(_text_of(far)).ends_with(",2]"), "the packet of the outer call")


func _free_in_set_stream() -> void:
	var stream := DyingStream.new()
	_object = PacketPeerSocketRs.new()
	_object.stream = stream
	_make_other()
	stream.last_words = func() -> void:
		_other.length_bytes = 8
		_object = null
	stream = null
	# Dropping the stream before runs its last words.
	Callable(_object, "set_stream").call(StreamPeerTCPRs.new())
	_expect(_object == null, "the object is freed")
	_expect(_other.length_bytes == 8, "the other object is set")


func _free_in_poll_of_packets() -> void:
	var far := _make_packets()
	_make_other()
	var seen := []
	_object.packet_received.connect(func(packet: PackedByteArray) -> void:
		seen.append(packet.get_string_from_utf8())
		_expect(_other.get_framing() == PacketPeerSocketRs.FRAMING_LENGTH, "a call of the other")
		_object = null)
	_expect(far.put_text("one") == OK and far.put_text("two") == OK, "packets are sent")
	while _object != null:
		Callable(_object, "poll").call()
	_expect(seen == ["one", "two"], "a poll emits all its signals: %s" % [seen])


func _free_in_poll_of_a_peer() -> void:
	var pair := StreamPeerUDSRs.create_pair()
	_object = pair[0]
	var other: StreamPeerUDSRs = pair[1]
	pair.clear()
	_object.data_available.connect(func() -> void:
		_expect(other.get_last_error() == OK, "a call of the other")
		_object = null)
	other.put_u8(1)
	while _object != null:
		Callable(_object, "poll").call()
	other.poll()


func _free_in_poll_of_a_server() -> void:
	_object = TCPServerRs.new()
	_object.listen(0, "127.0.0.1")
	var client := StreamPeerTCPRs.new()
	client.connect_to_host("127.0.0.1", _object.get_local_port())
	_object.connection_available.connect(func() -> void:
		_expect(TCPServerRs.new().is_listening() == false, "a call of another server")
		_expect(_object.take_connection() != null, "a connection is taken")
		_object = null)
	while _object != null:
		Callable(_object, "poll").call()


func _free_in_poll_of_a_group() -> void:
	var pair := StreamPeerUDSRs.create_pair()
	_object = StreamPeerSocketGroupRs.new()
	_object.add(pair[0])
	_object.peer_data_available.connect(func(_peer: RefCounted) -> void:
		_expect(StreamPeerSocketGroupRs.new().get_count() == 0, "a call of another group")
		_object = null)
	pair[1].put_u8(1)
	while _object != null:
		Callable(_object, "poll").call()


func _free_in_set_conditions() -> void:
	var conditions := DyingConditions.new()
	_object = SocketRelayRs.new()
	_object.to_client = conditions
	conditions.last_words = func() -> void:
		_expect(SocketRelayRs.new().seed == 0, "a call of another relay")
		_object = null
	conditions = null
	# Dropping the conditions before runs their last words.
	Callable(_object, "set_to_client").call(SocketConditionsRs.new())
	_expect(_object == null, "the object is freed")


# A handler lets go of the server. The request is freed while it is answered.
func _free_in_poll_of_an_http_server() -> void:
	_object = HTTPServerRs.new()
	_object.listen(0)
	var client := StreamPeerTCPRs.new()
	client.connect_to_host("127.0.0.1", _object.get_local_port())
	_object.request_received.connect(func(request: HTTPServerRequestRs) -> void:
		_other = request
		_object = null)
	var is_sent := false
	while _object != null:
		client.poll()
		if client.get_status() == StreamPeerTCPRs.STATUS_CONNECTED and not is_sent:
			is_sent = client.put_data("GET / HTTP/1.0\r\n\r\n".to_utf8_buffer()) == OK
		Callable(_object, "poll").call()
	_expect(not _other.is_open(), "the server has closed its connections")
	var value := Spoken.new(func() -> void: _other = null)
	_expect(Callable(_other, "respond_json").call([value]) != OK, "nobody is left to answer")
	_expect(_other == null, "the request is freed")


# Makes `_object`, a packet peer, and returns the other end of its stream.
func _make_packets() -> PacketPeerSocketRs:
	var pair := StreamPeerUDSRs.create_pair()
	_object = PacketPeerSocketRs.new()
	_object.stream = pair[0]
	var far := PacketPeerSocketRs.new()
	far.stream = pair[1]
	return far


# Makes `_other`, a packet peer that stays, and `_extra`, the other end of its stream.
func _make_other() -> void:
	var pair := StreamPeerUDSRs.create_pair()
	_other = PacketPeerSocketRs.new()
	_other.stream = pair[0]
	_other.max_packet_bytes = 77
	_extra = PacketPeerSocketRs.new()
	_extra.stream = pair[1]


func _text_of(packets: PacketPeerSocketRs) -> Variant:
	var text: Variant = null
	while text == null:
		packets.poll()
		text = packets.get_text()
	return text


func _expect(condition: bool, what: String) -> void:
	if not condition:
		printerr("FAILED: ", what)
		_failed = true


## An object that runs code when it is written as text.
class Spoken:
	var _body: Callable

	func _init(body: Callable) -> void:
		_body = body

	func _to_string() -> String:
		_body.call()
		return "spoken"


## A stream that runs code when it is freed.
class DyingStream extends StreamPeerTCPRs:
	var last_words := Callable()

	func _notification(what: int) -> void:
		if what == NOTIFICATION_PREDELETE:
			last_words.call()


## Conditions that run code when they are freed.
class DyingConditions extends SocketConditionsRs:
	var last_words := Callable()

	func _notification(what: int) -> void:
		if what == NOTIFICATION_PREDELETE:
			last_words.call()
