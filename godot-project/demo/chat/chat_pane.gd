extends PanelContainer
## The view of one client of the chat: its log and its input line.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const ChatClient := preload("chat_client.gd")

@export var called: String = "Ann"

var client: ChatClient = ChatClient.new()

@onready var _name: Label = %Name
@onready var _log: RichTextLabel = %Log
@onready var _line: LineEdit = %Line


func _ready() -> void:
	_name.text = called
	client.received.connect(_show)
	client.ended.connect(func(why: String) -> void: _show("* the connection is over: " + why))
	_line.text_submitted.connect(_on_submitted)


func take_focus() -> void:
	_line.grab_focus()


## The text of the log.
func text() -> String:
	return _log.get_parsed_text()


func say(line: String) -> void:
	client.say(line)


func _on_submitted(line: String) -> void:
	if not line.is_empty():
		say(line)
	_line.clear()


func _show(line: String) -> void:
	_log.add_text(line + "\n")
