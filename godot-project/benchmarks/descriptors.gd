extends RefCounted
## How many sockets this process, and one that it starts, may open.

## Descriptors that are needed for other things.
const OTHERS := 100


static func for_sockets() -> int:
	var output := []
	OS.execute("sh", ["-c", "ulimit -n"], output)
	var limit: String = output[0].strip_edges()
	# Or it is "unlimited".
	return limit.to_int() - OTHERS if limit.is_valid_int() else 1 << 20
