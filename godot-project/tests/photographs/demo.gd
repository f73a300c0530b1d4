extends SceneTree
## Drives the demo in a window, by the keyboard, and saves pictures of it: --script res://tests/photographs/demo.gd -- FOLDER.
## Ends with an error if there is nothing to see.

const PATIENCE_SECONDS := 60.0
const FRAMES := 24
const FRAME_SIZE := Vector2i(640, 360)

var _folder := ""
var _demo: Control
var _tabs: TabContainer


func _initialize() -> void:
	_folder = OS.get_cmdline_user_args()[0]
	_demo = load("res://demo/demo.tscn").instantiate()
	_demo.arguments = PackedStringArray()
	root.add_child(_demo)
	_run()


func _run() -> void:
	await process_frame
	_tabs = _demo.get_node("%Tabs")
	for shoot: Callable in [_crowd]:
		if not await shoot.call():
			push_error("there was nothing to see in " + shoot.get_method())
			quit(1)
			return
	quit()


func _crowd() -> bool:
	var tab := await _open("Crowd")
	var crowd: RefCounted = tab.crowd
	if not await _until(func() -> bool: return crowd.is_complete() and crowd.engine_times.values.size() >= 100):
		return false
	_save("crowd.png")
	for i in FRAMES:
		for j in 2:
			await process_frame
		var image := root.get_texture().get_image()
		image.resize(FRAME_SIZE.x, FRAME_SIZE.y, Image.INTERPOLATE_LANCZOS)
		image.save_png(_folder.path_join("crowd-%02d.png" % i))
	return crowd.problem.is_empty()


func _open(title: String) -> Control:
	for i in _tabs.get_tab_count():
		if _tabs.get_tab_title(i) == title:
			_press(KEY_1 + i, true)
			break
	await process_frame
	await process_frame
	return _tabs.get_current_tab_control()


func _press(key: Key, control := false) -> void:
	for pressed: bool in [true, false]:
		var event := InputEventKey.new()
		event.keycode = key
		event.ctrl_pressed = control
		event.pressed = pressed
		Input.parse_input_event(event)


func _until(condition: Callable) -> bool:
	var end := Time.get_ticks_msec() + PATIENCE_SECONDS * 1000
	while not condition.call():
		if Time.get_ticks_msec() > end:
			return false
		await process_frame
	return true


func _save(name: String) -> void:
	root.get_texture().get_image().save_png(_folder.path_join(name))
