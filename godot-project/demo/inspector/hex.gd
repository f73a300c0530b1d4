extends RefCounted
## A hex dump: the position of the bytes, the bytes in hexadecimal, and as text.

const PER_LINE := 16
## The most bytes to show of a block. More would be too slow for a frame.
const MOST := 4096


static func dump(bytes: PackedByteArray, from := 0) -> String:
	var text := ""
	for start in range(0, mini(bytes.size(), MOST), PER_LINE):
		var part := bytes.slice(start, mini(start + PER_LINE, MOST))
		var pairs := PackedStringArray()
		var shown := ""
		for byte in part:
			pairs.append("%02x" % byte)
			shown += char(byte) if byte >= 0x20 and byte < 0x7f else "."
		text += "%06x  %-47s  %s\n" % [from + start, " ".join(pairs), shown]
	if bytes.size() > MOST:
		text += "and %d bytes more\n" % (bytes.size() - MOST)
	return text
