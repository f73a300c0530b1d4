extends RefCounted
## The machine and the versions that the results depend on.


static func description() -> Dictionary:
	return {
		"processor": OS.get_processor_name(),
		"cores": OS.get_processor_count(),
		"system": "%s %s" % [OS.get_name(), _read("/proc/sys/kernel/osrelease")],
		"godot": Engine.get_version_info()["string"],
		"date": Time.get_date_string_from_system(true),
	}


# A file in /proc has size 0, so only its first line is read.
static func _read(path: String) -> String:
	var file: FileAccess = FileAccess.open(path, FileAccess.READ)
	return "" if file == null else file.get_line()
