extends RefCounted
## How many sockets this process may open. Each takes a file descriptor. Many systems limit a
## process to 1024 descriptors at first, and allow more on request.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

## Descriptors that are reserved for other uses.
const OTHERS: int = 100
## The number for systems without a relevant limit.
const PLENTY: int = 1 << 20


## Requests [param wanted] descriptors, and returns how many are available.
static func available(wanted: int) -> int:
	var limit: int = _limit()
	if limit < wanted + OTHERS and OS.has_feature("linux"):
		# Raises the soft limit only, which any process may raise up to its hard limit.
		var most: int = _limit("-H")
		OS.execute("prlimit",
				["--pid", str(OS.get_process_id()), "--nofile=%d:" % mini(wanted + OTHERS, most)])
		limit = _limit()
	return maxi(limit - OTHERS, 0)


# A child process inherits the limits of this one.
static func _limit(which: String = "-S") -> int:
	if OS.has_feature("windows"):
		return PLENTY
	var output: Array = []
	OS.execute("sh", ["-c", "ulimit %s -n" % which], output)
	var limit: String = "".join(PackedStringArray(output)).strip_edges()
	# The other possible output is "unlimited".
	return limit.to_int() if limit.is_valid_int() else PLENTY
