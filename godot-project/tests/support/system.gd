extends RefCounted
## What the system of this test run lacks.

static var _unix_sockets: int = -1
static var _names: int = 0


## Whether this is Wine, which lacks some features of Windows.
static func is_wine() -> bool:
	return (OS.has_feature("windows")
			and FileAccess.file_exists(OS.get_environment("SystemRoot") + "/system32/winecfg.exe"))


## Whether the system has Unix domain sockets. On Windows one of our servers finds out, unless the
## environment says that they are expected; all other systems have them.
static func has_unix_sockets() -> bool:
	if not OS.has_feature("windows") or OS.has_environment("EXPECT_UNIX_SOCKETS"):
		return true
	if _unix_sockets < 0:
		var server: Object = ClassDB.instantiate("UDSServerRs")
		var path: String = OS.get_temp_dir().path_join(unique_name())
		var error: Error = server.call(&"listen", path)
		var works: bool = error == OK or server.call(&"get_last_error") != ERR_UNAVAILABLE
		server.call(&"stop")
		_unix_sockets = int(works)
	return _unix_sockets == 1


## Whether `limit_msec` have passed since `began_msec` of `Time.get_ticks_msec`, and more on a busy
## machine, so that a test that works does not fail there.
static func is_over(began_msec: int, limit_msec: float) -> bool:
	var elapsed: int = Time.get_ticks_msec() - began_msec
	return elapsed >= limit_msec and elapsed >= patience(limit_msec)


## A time limit for this machine: `limit_msec` times the number of processes that share a processor,
## up to ten times.
static func patience(limit_msec: float) -> float:
	return limit_msec * clampf(processes_per_processor(), 1.0, 10.0)


## How many processes share a processor: in the last minute on average, or now if that is more. Only
## Linux has these numbers in a file; elsewhere it counts as 1.
static func processes_per_processor() -> float:
	# `get_file_as_string` reads nothing of this file, because its length is stated as 0.
	var file: FileAccess = FileAccess.open("/proc/loadavg", FileAccess.READ)
	if file == null:
		return 1.0
	var fields: PackedStringArray = file.get_line().split(" ")
	# The average lags behind a load that has just begun. The fourth field, such as 3/113, has how
	# many threads run or could run now.
	var running: float = fields[3].get_slice("/", 0).to_float()
	return maxf(fields[0].to_float(), running) / OS.get_processor_count()


## The time in microseconds that this thread has used a processor, so that other processes do not
## count. Where the system does not tell, the time that has passed.
static func thread_usec() -> int:
	var file: FileAccess = FileAccess.open("/proc/thread-self/schedstat", FileAccess.READ)
	# The first field has nanoseconds. It is 0 in a kernel that does not count them.
	var nsec: int = file.get_line().get_slice(" ", 0).to_int() if file != null else 0
	return roundi(nsec / 1000.0) if nsec > 0 else Time.get_ticks_usec()


## A unique name for a file, a folder or a socket. It also differs from those of a process with the
## same number in another container, which may share the folder or the network.
static func unique_name() -> String:
	_names += 1
	return "sprs-%d-%x-%d" % [OS.get_process_id(), int(Time.get_unix_time_from_system() * 1e6), _names]
