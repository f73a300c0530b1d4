extends RefCounted
## The bytes of one connection. Each follows from its position, so that the receiver can check it.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const PERIOD: int = 256

## Two periods of the bytes. The streams begin at different offsets.
static var _pattern: PackedByteArray = _make_pattern()

var _start: int
var _sent: int = 0
var _received: int = 0


func _init(member: int) -> void:
	_start = member % PERIOD


## The next bytes to send, less than [constant PERIOD].
func next(size: int) -> PackedByteArray:
	var from: int = (_start + _sent) % PERIOD
	_sent += size
	return _pattern.slice(from, from + size)


## Whether [param bytes] are the next bytes of the stream.
func is_next(bytes: PackedByteArray) -> bool:
	for begin: int in range(0, bytes.size(), PERIOD):
		var from: int = (_start + _received) % PERIOD
		var part: PackedByteArray = bytes.slice(begin, begin + PERIOD)
		if _received + part.size() > _sent or part != _pattern.slice(from, from + part.size()):
			return false
		_received += part.size()
	return true


## Whether all sent bytes have been received.
func is_all_here() -> bool:
	return _received == _sent


static func _make_pattern() -> PackedByteArray:
	var pattern: PackedByteArray = PackedByteArray()
	for i: int in 2 * PERIOD:
		pattern.append(i * 7)
	return pattern
