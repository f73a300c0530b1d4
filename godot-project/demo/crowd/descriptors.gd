extends RefCounted
## How many more sockets this process may open. Each takes a file descriptor, of which many systems
## give a process 1024 at first, and more to one that asks.

## Descriptors that are needed for other things.
const OTHERS := 100
## Where a system has no limit that counts here.
const PLENTY := 1 << 20


## How many there are, once the system was asked for [param wanted].
static func available(wanted: int) -> int:
	var limit := _limit()
	if limit < wanted + OTHERS and OS.has_feature("linux"):
		# It asks for the soft limit only, which any process may raise up to its hard one.
		var most := _limit("-H")
		OS.execute("prlimit",
				["--pid", str(OS.get_process_id()), "--nofile=%d:" % mini(wanted + OTHERS, most)])
		limit = _limit()
	return maxi(limit - OTHERS, 0)


# A process that is started has the limits of the one that starts it.
static func _limit(which := "-S") -> int:
	if OS.has_feature("windows"):
		return PLENTY
	var output := []
	OS.execute("sh", ["-c", "ulimit %s -n" % which], output)
	var limit: String = "".join(PackedStringArray(output)).strip_edges()
	# Or it is "unlimited".
	return limit.to_int() if limit.is_valid_int() else PLENTY
