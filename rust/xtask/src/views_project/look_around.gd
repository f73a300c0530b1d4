@tool
extends EditorPlugin
## Opens the help page of each class that the addon documents, and looks at what it says. Ends the editor with an error
## for each page that is not as it should be, and with "help pages: N" for those that are.

const DOCS := "res://addons/stream_peer_socket_rs/doc_classes"
## What a page says where a description is missing.
const MISSING := "There is currently no description"
const FRAMES_TO_OPEN := 600

func _enter_tree() -> void:
	_read_pages.call_deferred()

func _read_pages() -> void:
	var good := 0
	for file in DirAccess.get_files_at(DOCS):
		var name := file.get_basename()
		var page := await _page(name)
		var brief := _brief_description(DOCS.path_join(file))
		if brief.is_empty() or not page.contains(brief):
			push_error("The help page of %s lacks its brief description: %s" % [name, page.left(300)])
		elif page.contains(MISSING):
			push_error("The help page of %s says: %s" % [name, MISSING])
		else:
			good += 1
	print("help pages: ", good)
	get_tree().quit()

## The text on the help page of a class, empty if there is no such page.
func _page(name: String) -> String:
	var editor := EditorInterface.get_script_editor()
	editor.goto_help("class_name:" + name)
	for frame in FRAMES_TO_OPEN:
		await get_tree().process_frame
		for help in editor.find_children(name, "EditorHelp", true, false):
			var text := ""
			for label: RichTextLabel in help.find_children("*", "RichTextLabel", true, false):
				text += label.get_parsed_text()
			if not text.is_empty():
				return text
	return ""

## The first sentence of a class's documentation.
func _brief_description(path: String) -> String:
	var xml := XMLParser.new()
	xml.open(path)
	while xml.read() == OK:
		if xml.get_node_type() == XMLParser.NODE_ELEMENT and xml.get_node_name() == "brief_description":
			xml.read()
			return xml.get_node_data().strip_edges()
	return ""
