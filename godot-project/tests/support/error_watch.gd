extends Logger
## Collects the errors and warnings that the engine prints, from any thread. Godot has `Logger`
## since 4.5, and the runner loads this file only where the class exists. In older versions script
## errors show in the log only.

var _mutex := Mutex.new()
var _seen := PackedStringArray()


func _log_error(function: String, file: String, line: int, code: String, rationale: String,
		_editor_notify: bool, error_type: int, _backtraces: Array) -> void:
	var kind := "script error: " if error_type == ERROR_TYPE_SCRIPT else ""
	var text := rationale if not rationale.is_empty() else code
	_mutex.lock()
	_seen.append("printed: %s%s (%s, %s:%d)" % [kind, text, function, file, line])
	_mutex.unlock()


## The errors and warnings since the last call.
func take() -> PackedStringArray:
	_mutex.lock()
	var taken := _seen
	_seen = PackedStringArray()
	_mutex.unlock()
	return taken


func has_any() -> bool:
	_mutex.lock()
	var any := not _seen.is_empty()
	_mutex.unlock()
	return any
