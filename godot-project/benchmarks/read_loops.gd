extends RefCounted
## The timed loops that read small values, written like those in `loops.gd`. `typed_script.gd` also
## makes them for `StreamPeerBuffer`, which reads from memory and has no other end.

# The timed calls discard their results.
@warning_ignore_start("return_value_discarded")

const Loops := preload("res://benchmarks/loops.gd")


func get_available_bytes(near: StreamPeerTCP, far: StreamPeer, times: int) -> int:
	_bring(near, far, _zeros(1024))
	var begin: int = Time.get_ticks_usec()
	for i: int in times:
		near.get_available_bytes()
	var usec: int = Time.get_ticks_usec() - begin
	near.get_data(1024)
	return usec


func get_u8(near: StreamPeerTCP, far: StreamPeer, times: int) -> int:
	_bring(near, far, _zeros(times))
	var begin: int = Time.get_ticks_usec()
	for i: int in times:
		near.get_u8()
	return Time.get_ticks_usec() - begin


func get_32(near: StreamPeerTCP, far: StreamPeer, times: int) -> int:
	_bring(near, far, _zeros(4 * times))
	var begin: int = Time.get_ticks_usec()
	for i: int in times:
		near.get_32()
	return Time.get_ticks_usec() - begin


func get_string(near: StreamPeerTCP, far: StreamPeer, times: int) -> int:
	var sent: StreamPeerBuffer = StreamPeerBuffer.new()
	for i: int in times:
		sent.put_string(Loops.TEXT)
	_bring(near, far, sent.data_array)
	var begin: int = Time.get_ticks_usec()
	for i: int in times:
		near.get_string()
	return Time.get_ticks_usec() - begin


func get_var(near: StreamPeerTCP, far: StreamPeer, times: int) -> int:
	var sent: StreamPeerBuffer = StreamPeerBuffer.new()
	for i: int in times:
		sent.put_var(Loops.VALUE)
	_bring(near, far, sent.data_array)
	var begin: int = Time.get_ticks_usec()
	for i: int in times:
		near.get_var()
	return Time.get_ticks_usec() - begin


# Waits until all of `data` has arrived, before the clock starts.
func _bring(near: StreamPeer, far: StreamPeer, data: PackedByteArray) -> void:
	if near is StreamPeerBuffer:
		(near as StreamPeerBuffer).data_array = data
		return
	far.put_data(data)
	while near.get_available_bytes() < data.size():
		pass


func _zeros(size: int) -> PackedByteArray:
	var data: PackedByteArray = PackedByteArray()
	data.resize(size)
	return data
