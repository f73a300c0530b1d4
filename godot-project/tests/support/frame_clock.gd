extends RefCounted
## Measures the longest frame of a part of a test. The engine's option `--verbose` shows it.
## Machines may be busy, so a test that limits it asks `System.patience` for the limit.

## The longest frame so far.
var longest_msec: float:
	get:
		return _longest_usec / 1000.0

var _longest_usec: int = 0
var _before_usec: int = Time.get_ticks_usec()


func _init() -> void:
	var _connected: int = (Engine.get_main_loop() as SceneTree).process_frame.connect(_on_frame)


func report(what: String) -> void:
	print_verbose("longest frame with %s: %.1f ms" % [what, longest_msec])


func _on_frame() -> void:
	var now_usec: int = Time.get_ticks_usec()
	_longest_usec = maxi(_longest_usec, now_usec - _before_usec)
	_before_usec = now_usec
