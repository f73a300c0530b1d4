extends RefCounted
## The addresses of this machine that only devices in the same network can reach.

# The networks that are not routed in the internet (RFC 1918).
const PRIVATE: String = "^(10|172\\.(1[6-9]|2[0-9]|3[01])|192\\.168)\\."


## Those of [param addresses] that belong to a private network.
static func of(addresses: PackedStringArray) -> PackedStringArray:
	var private: RegEx = RegEx.create_from_string(PRIVATE)
	var found: PackedStringArray = PackedStringArray()
	for address: String in addresses:
		if private.search(address) != null and not found.has(address):
			var _added: bool = found.append(address)
	return found
