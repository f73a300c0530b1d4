extends RefCounted
## A hex dump: the position of the bytes, the bytes in hexadecimal, and as text.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const PER_LINE: int = 16
## The most bytes to show of a block. More would be too slow for a frame.
const MOST: int = 4096


static func dump(bytes: PackedByteArray, from: int = 0) -> String:
	var text: String = ""
	for start: int in range(0, mini(bytes.size(), MOST), PER_LINE):
		var part: PackedByteArray = bytes.slice(start, mini(start + PER_LINE, MOST))
		var pairs: PackedStringArray = PackedStringArray()
		var shown: String = ""
		for byte: int in part:
			pairs.append("%02x" % byte)
			shown += char(byte) if byte >= 0x20 and byte < 0x7f else "."
		text += "%06x  %-47s  %s\n" % [from + start, " ".join(pairs), shown]
	if bytes.size() > MOST:
		text += "and %d bytes more\n" % (bytes.size() - MOST)
	return text
