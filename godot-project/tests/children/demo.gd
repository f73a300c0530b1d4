extends SceneTree
## Runs the demo, as `cargo xtask demo` does without a display. The environment variable
## FRAME_BUDGET_USEC sets the frame budget of its exchanges.


func _initialize() -> void:
	var budget := OS.get_environment("FRAME_BUDGET_USEC")
	if not budget.is_empty():
		preload("res://demo/exchange/exchange.gd").frame_budget_usec = budget.to_int()
	change_scene_to_file("res://demo/demo.tscn")
