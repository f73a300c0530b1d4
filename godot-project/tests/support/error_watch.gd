extends Logger
## Collects what the engine prints as an error or a warning, from any thread.
##
## `Logger` came with Godot 4.5. The runner loads this file only where the class exists; before
## that, a script error shows in the log alone.

var _mutex := Mutex.new()
var _seen := PackedStringArray()


func _log_error(function: String, file: String, line: int, code: String, rationale: String,
		_editor_notify: bool,
		error_type: int, _backtraces: Array) -> void:
	var kind := "script error: " if error_type == ERROR_TYPE_SCRIPT else ""
	var text := rationale if not rationale.is_empty() else code
	_mutex.lock()
	_seen.append("printed: %s%s (%s, %s:%d)" % [kind, text, function, file, line])
	_mutex.unlock()


## What was printed since the last call.
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
