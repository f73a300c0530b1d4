extends RefCounted
## Bytes for a reader: their place, in hex, and as text.

const PER_LINE := 16


static func dump(bytes: PackedByteArray, from := 0) -> String:
	var text := ""
	for start in range(0, bytes.size(), PER_LINE):
		var part := bytes.slice(start, start + PER_LINE)
		var pairs := PackedStringArray()
		var shown := ""
		for byte in part:
			pairs.append("%02x" % byte)
			shown += char(byte) if byte >= 0x20 and byte < 0x7f else "."
		text += "%06x  %-47s  %s\n" % [from + start, " ".join(pairs), shown]
	return text
