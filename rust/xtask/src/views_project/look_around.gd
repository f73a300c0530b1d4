@tool
extends EditorPlugin
## Checks what the addon shows in the editor: the help page and the icon of each class, and the
## project settings. Makes the editor scan for changed files, too. Prints "help pages: N", "class
## icons: N" and "settings: N", where N is how many are as they should be, and with an error for
## each that is not.

const ADDON := "res://addons/stream_peer_socket_rs/"
## How long the editor may run. A run that passes never does.
const PATIENCE_SECONDS := 600.0
const QUIET_FRAMES := 60
## The text of a page where a description is missing.
const MISSING := "There is currently no description"
## Two icons differ if this many of their 256 pixels are drawn in one and not in the other.
const DIFFERENT_PIXELS := 16
## The page that is photographed.
const PAGE := "StreamPeerSocketGroupRs"
## Large enough for the settings.
const SMALL := Vector2i(900, 320)
## How each setting is shown.
const SETTINGS := {
	"stream_sockets/hints": "on",
	"stream_sockets/monitors": "on",
	"stream_sockets/shared_answer_usec": "3 µs, of 0 to 1000",
}

func _enter_tree() -> void:
	_look_around.call_deferred()

func _look_around() -> void:
	await _until_quiet()
	EditorInterface.set_main_screen_editor("Script")
	print("help pages: ", await _help_pages())
	print("class icons: ", await _class_icons())
	print("settings: ", await _settings())
	# As when the user comes back from another program.
	EditorInterface.get_resource_filesystem().scan()
	await _until_quiet()
	get_tree().quit()

func _help_pages() -> int:
	var good := 0
	for name in _classes():
		var page := await _page(name)
		var brief := _brief_description(ADDON + "doc_classes/" + name + ".xml")
		if brief.is_empty() or not page.contains(brief):
			push_error("The help page of %s lacks its brief description: %s" % [name, page.left(300)])
		elif page.contains(MISSING):
			push_error("The help page of %s says: %s" % [name, MISSING])
		else:
			good += 1
	await _page(PAGE)
	await _save("help.png")
	return good

## The text on the help page of a class, empty if there is no such page.
func _page(name: String) -> String:
	var editor := EditorInterface.get_script_editor()
	editor.goto_help("class_name:" + name)
	var text := PackedStringArray([""])
	await _until(func() -> bool:
		for help in editor.find_children(name, "EditorHelp", true, false):
			text[0] = _text_in(help)
		return not text[0].is_empty(), "the help page of " + name)
	return text[0]

func _text_in(node: Node) -> String:
	var text := ""
	for label: RichTextLabel in node.find_children("*", "RichTextLabel", true, false):
		text += label.get_parsed_text()
	return text

## The first sentence of a class's documentation.
func _brief_description(path: String) -> String:
	var xml := XMLParser.new()
	xml.open(path)
	while xml.read() == OK:
		if xml.get_node_type() == XMLParser.NODE_ELEMENT and xml.get_node_name() == "brief_description":
			xml.read()
			return xml.get_node_data().strip_edges()
	return ""

## The icons as "Search Help" shows them: not empty, as large as the editor's own, and no two that
## look alike.
func _class_icons() -> int:
	var editor := EditorInterface.get_script_editor()
	for button: Button in editor.find_children("*", "Button", true, false):
		if button.text == "Search Help":
			button.pressed.emit()
	var dialog: Window = _in_editor("EditorHelpSearch")
	# Restricts the search to classes, with case and without the hierarchy. The next line searches
	# for those that end in "Rs".
	for button: Button in dialog.find_children("*", "Button", true, false):
		if button.tooltip_text in ["Case Sensitive", "Show Hierarchy"]:
			button.button_pressed = button.tooltip_text == "Case Sensitive"
		if button is OptionButton:
			button.select(button.get_item_index(1))
	_type_into(dialog, "Rs")
	var images: Dictionary[String, Image] = {}
	await _until(func() -> bool:
		var tree: Tree = dialog.find_children("*", "Tree", true, false)[0]
		_find_icons(tree.get_root(), images)
		return images.size() == _classes().size(), "an icon for each class")
	await _save("icons.png", dialog)
	dialog.hide()
	var side := roundi(16 * EditorInterface.get_editor_scale())
	var good := 0
	for name in images:
		var others := images.keys().filter(func(other: String) -> bool:
			return other != name and _different_pixels(images[name], images[other]) < DIFFERENT_PIXELS)
		if images[name].get_size() != Vector2i(side, side):
			push_error("The icon of %s has %s pixels." % [name, images[name].get_size()])
		elif images[name].is_invisible():
			push_error("The icon of %s is empty." % name)
		elif not others.is_empty():
			push_error("The icon of %s looks like that of %s." % [name, others])
		else:
			good += 1
	return good

func _find_icons(item: TreeItem, images: Dictionary[String, Image]) -> void:
	if item == null:
		return
	if item.get_icon(0) != null and item.get_text(0) in _classes():
		images[item.get_text(0)] = item.get_icon(0).get_image()
	for child in item.get_children():
		_find_icons(child, images)

func _different_pixels(one: Image, other: Image) -> int:
	var count := 0
	if one.get_size() == other.get_size():
		for y in one.get_height():
			for x in one.get_width():
				count += int(absf(one.get_pixel(x, y).a - other.get_pixel(x, y).a) > 0.5)
	return count

## The settings as "Project Settings" shows them.
func _settings() -> int:
	_open_project_settings()
	var dialog: Window = _in_editor("ProjectSettingsEditor")
	for button: CheckButton in dialog.find_children("*", "CheckButton", true, false):
		if button.text == "Advanced Settings":
			button.button_pressed = true
	_type_into(dialog, "stream_sockets")
	dialog.size = SMALL
	var inspector: Control = dialog.find_children("*", "SectionedInspector", true, false)[0]
	var sections: Tree = inspector.find_children("*", "Tree", true, false)[0]
	var shown := {}
	for i in SETTINGS.size():
		await _until(func() -> bool:
			# The editor makes the list again at times.
			if sections.get_root().get_child_count() > i:
				sections.get_root().get_child(i).get_child(0).select(0)
			for property: EditorProperty in inspector.find_children("*", "EditorProperty", true, false):
				shown[property.get_edited_property()] = _editing(property)
			return shown.size() > i, "setting %d" % i)
	await _save("settings.png", dialog)
	dialog.hide()
	var good := 0
	for setting: String in SETTINGS:
		if shown.get(setting) == SETTINGS[setting]:
			good += 1
		else:
			push_error("The setting %s is shown as %s." % [setting, shown.get(setting, "nothing")])
	return good

## Opens the project settings through the menu.
func _open_project_settings() -> void:
	var control := EditorInterface.get_base_control()
	for menu: PopupMenu in control.find_children("*", "PopupMenu", true, false):
		for i in menu.item_count:
			if menu.get_item_text(i).begins_with("Project Settings"):
				# Other menus may be gone afterwards.
				menu.id_pressed.emit(menu.get_item_id(i))
				return

## The control with which a setting is edited, and the value that it shows.
func _editing(property: EditorProperty) -> String:
	for box: CheckBox in property.find_children("*", "CheckBox", true, false):
		return "on" if box.button_pressed else "off"
	for slider: EditorSpinSlider in property.find_children("*", "EditorSpinSlider", true, false):
		return "%d %s, of %d to %d" % [
				slider.value, slider.suffix.strip_edges(), slider.min_value, slider.max_value]
	return "something else"

func _classes() -> PackedStringArray:
	var classes := PackedStringArray()
	for file in DirAccess.get_files_at(ADDON + "doc_classes"):
		classes.append(file.get_basename())
	return classes

func _in_editor(type: String) -> Node:
	return EditorInterface.get_base_control().find_children("*", type, true, false)[0]

## Types `text` into the first field of `dialog`.
func _type_into(dialog: Window, text: String) -> void:
	var field: LineEdit = dialog.find_children("*", "LineEdit", true, false)[0]
	field.text = text
	field.caret_column = text.length()
	field.text_changed.emit(text)

## Waits until the editor is idle for some successive frames. While it loads, it lets frames pass,
## and a dialog that is opened then can crash it.
func _until_quiet() -> void:
	var quiet_frames := PackedInt32Array([0])
	await _until(func() -> bool:
		var is_busy := EditorInterface.get_resource_filesystem().is_scanning()
		for progress: CanvasItem in get_tree().root.find_children("*", "ProgressDialog", true, false):
			is_busy = is_busy or progress.is_visible_in_tree()
		quiet_frames[0] = 0 if is_busy else quiet_frames[0] + 1
		return quiet_frames[0] > QUIET_FRAMES, "the editor to be idle")

func _until(condition: Callable, what: String) -> void:
	while not condition.call():
		if Time.get_ticks_msec() >= PATIENCE_SECONDS * 1000:
			return push_error("timed out waiting for " + what)
		await get_tree().process_frame

## A picture of the whole editor, or of a dialog alone, if pictures are wanted.
func _save(name: String, dialog: Window = null) -> void:
	var folder := OS.get_environment("PICTURES")
	if folder.is_empty():
		return
	# Changes are laid out in the next frames. A frame without a change is not drawn.
	for i in 5:
		await get_tree().process_frame
	RenderingServer.force_draw()
	var image := get_tree().root.get_texture().get_image()
	if dialog != null:
		image = image.get_region(Rect2i(dialog.position, dialog.size))
	image.save_png(folder.path_join(name))
