extends RefCounted
## Bytes for a reader: their place, in hex, and as text.

const PER_LINE := 16
## Bytes that are shown of a block: nobody reads more, and a frame cannot show more.
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
