extends "res://benchmarks/stream_row.gd"
## Blocks of 64 KiB between this process and the plain program: bytes per second.

const BLOCK_SIZE := 65536

var _is_receiving: bool


static func all() -> Array:
	return [_row(true, "tcp"), _row(false, "tcp"), _row(true, "uds"), _row(false, "uds")]


static func _row(is_receiving: bool, kind: String) -> RefCounted:
	var row := new()
	row.names = ["64 KiB blocks, %s%s"
			% ["receive" if is_receiving else "send", "" if kind == "tcp" else ", Unix"]]
	row._use(kind)
	row._is_receiving = is_receiving
	return row


func sample(side: String) -> PackedFloat64Array:
	return [_speed_of_plain() if side == "plain" else _speed(family_of(side))]


func _speed(family: Family) -> float:
	var server := Server.new()
	server.listen(family, _kind)
	var words := _far()
	var far := Plain.start(words[0], server.address(), words.slice(1))
	var near := server.accept()
	if near == null:
		problem = "the plain program does not connect"
		return NAN
	var loops := TypedScript.loops(family, _kind)
	var usec: int
	if _is_receiving:
		# After the first block the other process is running.
		loops.receive_blocks(near, 1)
		usec = loops.receive_blocks(near, scale.blocks)
	else:
		usec = loops.send_blocks(near, scale.blocks)
	near.disconnect_from_host()
	server.stop()
	Plain.join(far)
	return BLOCK_SIZE * scale.blocks * 1e6 / usec


func _speed_of_plain() -> float:
	var near := ["bulk", "receive" if _is_receiving else "send", Plain.name_of(_kind),
			str(scale.blocks)]
	return Plain.measure(near, _far()).get("bytes_per_second", NAN)


func _far() -> PackedStringArray:
	return ["source", str(scale.blocks + 1)] if _is_receiving else ["sink", str(scale.blocks)]
