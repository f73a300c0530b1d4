extends RefCounted
## How many sockets this process and its child processes may open.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

## Descriptors that are reserved for other uses.
const OTHERS: int = 100


static func for_sockets() -> int:
	var output: Array = []
	OS.execute("sh", ["-c", "ulimit -n"], output)
	var line: String = output[0]
	var limit: String = line.strip_edges()
	# The other possible output is "unlimited".
	return limit.to_int() - OTHERS if limit.is_valid_int() else 1 << 20
