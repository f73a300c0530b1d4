extends SceneTree
## Draws an SVG as a PNG of its own size. Arguments: the path of the one, and of the other.


func _initialize() -> void:
	var paths := OS.get_cmdline_user_args()
	var image := Image.new()
	var error := image.load_svg_from_string(FileAccess.get_file_as_string(paths[0]))
	if error == OK:
		error = image.save_png(paths[1])
	if error != OK:
		push_error(error_string(error))
	quit(error)
