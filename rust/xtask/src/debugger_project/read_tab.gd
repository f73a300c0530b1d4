@tool
extends EditorPlugin
## Runs the game, reads the debugger's Sockets tab until it shows what the game does, and prints
## the rows. Ends the editor with "sockets shown: N", where N is how many rows are as they should
## be, and "bytes shown: true" if those of a peer are.

## A run that passes never waits this long.
const PATIENCE_SECONDS := 600.0
## What the cells of each row begin with, up to the first column that is not the same each time.
const EXPECTED := [
	["StreamPeerTCPRs", "connected", "127.0.0.1:", "127.0.0.1:"],
	["TCPServerRs", "listening", "127.0.0.1:"],
	["StreamPeerTCPRs", "connected", "127.0.0.1:", "127.0.0.1:"],
	["HTTPServerRs", "listening", "127.0.0.1:"],
	["HTTP connection", "idle", "127.0.0.1:", "127.0.0.1:"],
	["WebSocketPeerRs", "open", "127.0.0.1:", "127.0.0.1:"],
]
## Those in which no bytes move.
const SERVERS := ["TCPServerRs", "HTTPServerRs"]
## Those that have packets.
const WITH_PACKETS := ["HTTP connection", "WebSocketPeerRs"]

## What is shown of the bytes of a selected peer.
const RECORDED := "70 69 6e 67 0a 70 69 6e 67 0a 70 69 6e 67 0a 70  ping.ping.ping.p"

func _enter_tree() -> void:
	_read.call_deferred()

func _read() -> void:
	while EditorInterface.get_resource_filesystem().is_scanning():
		await get_tree().process_frame
	var game := _run_game()
	var end := Time.get_ticks_msec() + PATIENCE_SECONDS * 1000
	var shown := 0
	while shown < EXPECTED.size() and Time.get_ticks_msec() < end:
		await get_tree().process_frame
		shown = _shown()
	for row in _rows():
		print(row)
	print("sockets shown: ", shown)
	var record := ""
	while not record.contains(RECORDED) and Time.get_ticks_msec() < end:
		_select("connected")
		await get_tree().process_frame
		record = _record()
	print("bytes shown: ", record.contains(RECORDED))
	var pictures := OS.get_environment("PICTURES")
	if not pictures.is_empty():
		await _photograph(pictures)
	OS.kill(game)
	get_tree().quit()

## Makes pictures of the tab and of the monitors, once there is something to see.
func _photograph(folder: String) -> void:
	EditorInterface.distraction_free_mode = true
	# "Expand Bottom Panel".
	var key := InputEventKey.new()
	key.keycode = KEY_F12
	key.shift_pressed = true
	key.pressed = true
	Input.parse_input_event(key)
	_select("connected")
	await get_tree().create_timer(3.0).timeout
	_save(folder.path_join("sockets.png"))
	for tree: Tree in EditorInterface.get_base_control().find_children("*", "Tree", true, false):
		var sockets: TreeItem = _child(tree.get_root(), "Sockets") if tree.get_root() != null else null
		if sockets == null:
			continue
		_bring_to_front(tree.get_parent())
		for item in sockets.get_children():
			item.set_checked(0, true)
		tree.scroll_to_item(sockets.get_child(sockets.get_child_count() - 1))
	# A curve gets a point each second.
	await get_tree().create_timer(12.0).timeout
	_save(folder.path_join("monitors.png"))

func _child(parent: TreeItem, text: String) -> TreeItem:
	for item in parent.get_children():
		if item.get_text(0) == text:
			return item
	return null

func _save(path: String) -> void:
	get_tree().root.get_texture().get_image().save_png(path)

## How many of the expected rows exist, with bytes that move, with packets, and with the line of the
## script that made them, which Godot reports since 4.5.
func _shown() -> int:
	var tells_lines: bool = Engine.get_version_info().hex >= 0x040500
	var count := 0
	for expected: Array in EXPECTED:
		count += int(_rows().any(func(row: PackedStringArray) -> bool:
			if row[-1].begins_with("res://game.gd:") != tells_lines:
				return false
			for i in expected.size():
				if not row[i].begins_with(expected[i]):
					return false
			if expected[0] in WITH_PACKETS and row[8] == "0" and row[9] == "0":
				return false
			return expected[0] in SERVERS or (row[4] + row[5]).contains("B") and row[4] != row[5]))
	return count

## The cells of the table.
func _rows() -> Array[PackedStringArray]:
	var rows: Array[PackedStringArray] = []
	for item in _items():
		var row := PackedStringArray()
		for column in item.get_tree().columns:
			row.append(item.get_text(column))
		rows.append(row)
	return rows

## The first row with this status, as if it was clicked.
func _select(status: String) -> void:
	for item in _items():
		if item.get_text(1) == status:
			item.select(0)
			return

## What stands beside the table.
func _record() -> String:
	var text := ""
	for tab in _tabs():
		for label: RichTextLabel in tab.find_children("*", "RichTextLabel", true, false):
			text += label.get_parsed_text()
	return text

func _items() -> Array[TreeItem]:
	var items: Array[TreeItem] = []
	for tab in _tabs():
		for tree: Tree in tab.find_children("*", "Tree", true, false):
			items.append_array(tree.get_root().get_children())
	return items

## The tab, brought to the front.
func _tabs() -> Array[Node]:
	var control := EditorInterface.get_base_control()
	var tabs := control.find_children("Sockets", "VBoxContainer", true, false)
	for tab: Control in tabs:
		_bring_to_front(tab)
	return tabs

func _bring_to_front(control: Control) -> void:
	var parent := control.get_parent()
	if parent is TabContainer:
		parent.current_tab = control.get_index()
	elif not control.visible:
		control.show()
	if parent is Control:
		_bring_to_front(parent)

## Starts the game as the editor would, but by the command that started this editor, since a Godot
## that was set up for this user alone does not know its own path. The server stays open at a free
## port, as the menu "Debug" has it.
func _run_game() -> int:
	var search := TCPServer.new()
	search.listen(0, "127.0.0.1")
	var port := search.get_local_port()
	search.stop()
	EditorInterface.get_editor_settings().set_setting("network/debug/remote_port", port)
	var control := EditorInterface.get_base_control()
	for menu: PopupMenu in control.find_children("*", "PopupMenu", true, false):
		for i in menu.item_count:
			if menu.get_item_text(i) == "Keep Debug Server Open":
				menu.id_pressed.emit(menu.get_item_id(i))
	return OS.create_process(OS.get_environment("GODOT4_BIN"), ["--headless",
			"--path", ProjectSettings.globalize_path("res://"),
			"--remote-debug", "tcp://127.0.0.1:%d" % port])
