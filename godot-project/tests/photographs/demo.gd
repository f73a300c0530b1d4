extends SceneTree
## Drives the demo in a window with the keyboard, and saves pictures of it: `--script
## res://tests/photographs/demo.gd -- FOLDER`. Ends with an error if there is nothing to see.

const Tool := preload("res://tests/interop/tool.gd")

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
	for shoot: Callable in [_crowd, _chat, _phones, _inspector]:
		if not await shoot.call():
			push_error("there was nothing to see in " + shoot.get_method())
			quit(1)
			return
	quit()


func _crowd() -> bool:
	var tab := await _open("Crowd")
	var crowd: RefCounted = tab.crowd
	if not await _until(
			func() -> bool: return crowd.is_complete() and crowd.engine_times.values.size() >= 100):
		return false
	_save("crowd.png")
	for i in FRAMES:
		for j in 2:
			await process_frame
		var image := root.get_texture().get_image()
		image.resize(FRAME_SIZE.x, FRAME_SIZE.y, Image.INTERPOLATE_LANCZOS)
		image.save_png(_folder.path_join("crowd-%02d.png" % i))
	return crowd.problem.is_empty()


func _chat() -> bool:
	var tab := await _open("Chat")
	if not await _until(func() -> bool: return tab.room != null and tab.room.names().size() == 2):
		return false
	var lines := ["Hello Bob!", "Hello Ann. I am on a train.", "How is the connection there?",
			"Slow, but nothing gets lost."]
	for i in lines.size():
		var pane: Node = [tab.ann, tab.bob][i % 2]
		pane.take_focus()
		_type(lines[i])
		# The other client has to receive the line too, through the bad network.
		if not await _until(
				func() -> bool: return tab.ann.text().contains(lines[i]) and tab.bob.text().contains(lines[i])):
			return false
	await _drawn()
	_save("chat.png")
	return true


# Four players, and two pages in a browser if there is one.
func _phones() -> bool:
	var tab := await _open("Phones")
	var phones: Array[WebSocketPeerRs] = []
	for direction: String in ["-0.3 -0.2", "-0.4 0.3", "0.1 -0.4", "0.2 0.3"]:
		var phone := WebSocketPeerRs.new()
		phone.auto_poll = true
		phone.connected.connect(func() -> void: phone.send_text(direction), CONNECT_ONE_SHOT)
		phone.connect_to_url(tab.url().replace("http:", "ws:") + "play")
		phones.append(phone)
	var tools := OS.get_environment("INTEROP_TOOLS")
	var pages: RefCounted = null
	if not tools.is_empty():
		var arguments := [Tool.script("two_phones.py"), tools.path_join("chromium"), tab.url(),
				_folder.path_join("phone-page.png")]
		pages = Tool.start("python-web", arguments)
	var player := phones.size()
	if not await _until(
			func() -> bool: return tab.game.players.size() == player + (2 if pages != null else 0)):
		return false
	# The first page steers to the right, where it finds a coin.
	if pages == null:
		player = 0
		phones[0].send_text("1 0")
	if not await _until(func() -> bool: return tab.game.players[player].velocity.x > 200.0):
		return false
	seed(3)
	tab.game.coin = tab.game.players[player].position + Vector2(150.0, 0.0)
	if not await _until(func() -> bool: return tab.game.players[player].score > 0):
		return false
	await _drawn()
	_save("phones.png")
	if pages == null:
		return true
	pages.put_line("go on")
	return await _until(func() -> bool: return not pages.is_running())


func _inspector() -> bool:
	var server := TCPServerRs.new()
	server.listen(0, "127.0.0.1")
	var tab := await _open("Inspector")
	_type("localhost:%d" % server.get_local_port())
	if not await _until(server.is_connection_available):
		return false
	var served := server.take_connection()
	served.auto_poll = true
	await process_frame
	tab.get_node("%Line").grab_focus()
	_type("HELO inspector,\\twith a tab")
	if not await _until(func() -> bool: return served.read_line() != null):
		return false
	served.put_data("220 hello, inspector\r\n".to_ascii_buffer() + PackedByteArray(range(0, 256, 3)))
	if not await _until(func() -> bool: return tab.text().contains("220 hello")):
		return false
	served.abort()
	var is_over := await _until(func() -> bool: return tab.text().contains("reset"))
	await _drawn()
	_save("inspector.png")
	return is_over


# A change is visible after the next frame.
func _drawn() -> void:
	for i in 2:
		await process_frame


# Types `text` and Enter.
func _type(text: String) -> void:
	for character in text:
		var event := InputEventKey.new()
		event.unicode = character.unicode_at(0)
		event.pressed = true
		Input.parse_input_event(event)
	_press(KEY_ENTER)


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
