extends RefCounted
## How many sockets this process and its child processes may open.

## Descriptors that are reserved for other uses.
const OTHERS: int = 100


static func for_sockets() -> int:
	var output: Array = []
	OS.execute("sh", ["-c", "ulimit -n"], output)
	var limit: String = output[0].strip_edges()
	# The other possible output is "unlimited".
	return limit.to_int() - OTHERS if limit.is_valid_int() else 1 << 20
