extends RefCounted
## Measures the longest frame of a part of a test. Tests do not depend on it, since machines may be
## busy; the engine's option `--verbose` shows it.

var _longest_usec: int = 0
var _before_usec: int = Time.get_ticks_usec()


func _init() -> void:
	var _connected: int = (Engine.get_main_loop() as SceneTree).process_frame.connect(_on_frame)


func report(what: String) -> void:
	print_verbose("longest frame with %s: %.1f ms" % [what, _longest_usec / 1000.0])


func _on_frame() -> void:
	var now_usec: int = Time.get_ticks_usec()
	_longest_usec = maxi(_longest_usec, now_usec - _before_usec)
	_before_usec = now_usec
