extends MarginContainer
## The demo: one tab for each topic, with its code in a folder of its own. Without a window it runs
## the exchange only, as text. With arguments it sends one request to a server (ask_server.gd).

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const USAGE: String = """Arguments, after "--":
  (nothing)              the demo: in a window its tabs, without one an exchange as text
  tcp HOST PORT [TEXT]   send TEXT and a line end to a server, and show its answer
  uds PATH [TEXT]        the same, to a Unix domain socket"""
const DEFAULT_TEXT: String = "PING"
const EXIT_FAILURE: int = 1
const EXIT_USAGE: int = 2

## Scripts that use the addon's classes do not load without the addon. They are not preloaded here,
## so that the demo can report a missing addon.
const EXCHANGE: String = "res://demo/exchange/exchange_tab.tscn"
const TABS: Dictionary = {
	"Crowd": "res://demo/crowd/crowd_tab.tscn",
	"Chat": "res://demo/chat/chat_tab.tscn",
	"Phones": "res://demo/phones/phones_tab.tscn",
	"Inspector": "res://demo/inspector/inspector_tab.tscn",
	"Exchange": EXCHANGE,
}

## The command-line arguments.
var arguments: PackedStringArray = OS.get_cmdline_user_args()

## A failure until the exchanges have succeeded, even if the window is closed before.
var _exit_code: int = EXIT_FAILURE

@onready var _keys: Label = %Keys
@onready var _tabs: TabContainer = %Tabs


func _ready() -> void:
	if not ClassDB.class_exists(&"StreamPeerSocketRs"):
		_quit(EXIT_FAILURE, "The addon is not loaded. Build it with `cargo xtask build`.")
	elif not arguments.is_empty():
		_ask()
	elif DisplayServer.get_name() == "headless":
		_add_tab("Exchange", EXCHANGE)
	else:
		get_window().min_size = Vector2i(760, 560)
		_keys.text = "Ctrl+1 to Ctrl+%d: tabs" % TABS.size()
		for title: String in TABS:
			var path: String = TABS[title]
			_add_tab(title, path)
		_tabs.tab_changed.connect(_focus_tab)
		_focus_tab(0)


func _shortcut_input(event: InputEvent) -> void:
	var key: InputEventKey = event as InputEventKey
	if key == null or not key.pressed or not key.is_command_or_control_pressed():
		return
	var number: int = key.keycode - KEY_1
	if number >= 0 and number < _tabs.get_tab_count():
		_tabs.current_tab = number
		get_viewport().set_input_as_handled()


func _notification(what: int) -> void:
	if what == NOTIFICATION_WM_CLOSE_REQUEST:
		get_tree().quit(_exit_code)


func _add_tab(title: String, path: String) -> void:
	var scene: PackedScene = load(path)
	var tab: Control = scene.instantiate()
	tab.name = title
	if tab.has_signal(&"finished"):
		tab.connect(&"finished", _note_end)
	_tabs.add_child(tab)


## Moves the keyboard focus to the tab's main control once the tab is shown.
func _focus_tab(number: int) -> void:
	_tabs.get_tab_control(number).call_deferred(&"take_focus")


## Handles the end of the exchanges.
func _note_end(succeeded: bool) -> void:
	_exit_code = OK if succeeded else EXIT_FAILURE
	if DisplayServer.get_name() == "headless":
		get_tree().quit(_exit_code)


func _ask() -> void:
	var script: GDScript = load("res://demo/ask_server.gd")
	var asking: Node = script.new()
	add_child(asking)
	asking.connect(&"logged", func(text: String) -> void: print(text))
	asking.connect(&"finished", func(problem: String) -> void:
		_quit(OK if problem.is_empty() else EXIT_FAILURE, problem))
	var count: int = arguments.size()
	if arguments.slice(0, 2).has(""):
		_quit(EXIT_USAGE, USAGE)
	elif arguments[0] == "tcp" and (count == 3 or count == 4) and _is_port(arguments[2]):
		asking.call(&"ask_tcp", arguments[1], arguments[2].to_int(),
				DEFAULT_TEXT if count == 3 else arguments[3])
	elif arguments[0] == "uds" and (count == 2 or count == 3):
		asking.call(&"ask_uds", arguments[1], DEFAULT_TEXT if count == 2 else arguments[2])
	else:
		_quit(EXIT_USAGE, USAGE)


func _is_port(text: String) -> bool:
	return text.is_valid_int() and text.to_int() >= 1 and text.to_int() <= 65535


func _quit(exit_code: int, reason: String) -> void:
	if not reason.is_empty():
		printerr(reason)
	get_tree().quit(exit_code)
