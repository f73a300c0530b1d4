extends "res://benchmarks/stream_row.gd"
## Blocks of 64 KiB between this process and the plain program: bytes per second.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const BLOCK_SIZE: int = 65536

var _is_receiving: bool


static func all() -> Array:
	return [
		new()._receive_or_send(true, "tcp"),
		new()._receive_or_send(false, "tcp"),
		new()._receive_or_send(true, "uds"),
		new()._receive_or_send(false, "uds"),
	]


func _receive_or_send(is_receiving: bool, kind: String) -> RefCounted:
	names = ["64 KiB blocks, %s%s"
			% ["receive" if is_receiving else "send", "" if kind == "tcp" else ", Unix"]]
	_use(kind)
	_is_receiving = is_receiving
	return self


func sample(side: String) -> PackedFloat64Array:
	return [_speed_of_plain() if side == "plain" else _speed(family_of(side))]


func _speed(family: Family) -> float:
	var server: Server = Server.new()
	server.listen(family, _kind)
	var words: PackedStringArray = _far()
	var far: int = Plain.start(words[0], server.address(), words.slice(1))
	var near: StreamPeer = server.accept()
	if near == null:
		problem = "the plain program does not connect"
		return NAN
	var loops: RefCounted = TypedScript.loops(family, _kind)
	var usec: int
	if _is_receiving:
		# After the first block the other process is running.
		loops.call(&"receive_blocks", near, 1)
		usec = loops.call(&"receive_blocks", near, scale.blocks)
	else:
		usec = loops.call(&"send_blocks", near, scale.blocks)
	near.call(&"disconnect_from_host")
	server.stop()
	Plain.join(far)
	return BLOCK_SIZE * scale.blocks * 1e6 / usec


func _speed_of_plain() -> float:
	var near: Array = ["bulk", "receive" if _is_receiving else "send", Plain.name_of(_kind),
			str(scale.blocks)]
	return Plain.measure(near, _far()).get("bytes_per_second", NAN)


func _far() -> PackedStringArray:
	return ["source", str(scale.blocks + 1)] if _is_receiving else ["sink", str(scale.blocks)]
