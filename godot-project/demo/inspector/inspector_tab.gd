extends VBoxContainer
## Connects to any server, or listens for a client, and shows the events, the tried addresses, and
## every byte. inspection.gd does the networking.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Address := preload("res://demo/address.gd")
const Hex := preload("hex.gd")
const Inspection := preload("inspection.gd")

## The columns of the tried addresses, and the ratios of their widths.
const COLUMNS: Array[String] = ["Address", "Seconds", "Outcome"]
const COLUMN_RATIOS: Array[int] = [3, 1, 5]

const RECEIVED_COLOUR: Color = Color(0.31, 0.79, 0.85)
## The most lines of each log.
const MOST_LINES: int = 2000
const SENT_COLOUR: Color = Color(0.97, 0.62, 0.35)

var inspection: Inspection = Inspection.new()

@onready var _address: LineEdit = %Address
@onready var _connect_button: Button = %Connect
@onready var _listen_button: Button = %Listen
@onready var _disconnect_button: Button = %Disconnect
@onready var _events: RichTextLabel = %Events
@onready var _bytes: RichTextLabel = %Bytes
@onready var _attempts: Tree = %Attempts
@onready var _line: LineEdit = %Line


func _ready() -> void:
	var font: SystemFont = SystemFont.new()
	font.font_names = ["monospace"]
	_bytes.add_theme_font_override(&"normal_font", font)
	_address.text_submitted.connect(open)
	_connect_button.pressed.connect(func() -> void: open(_address.text))
	_listen_button.pressed.connect(func() -> void: listen(_address.text))
	_disconnect_button.pressed.connect(inspection.close)
	_line.text_submitted.connect(_on_submitted)
	inspection.happened.connect(_on_happened)
	inspection.moved.connect(_on_moved)
	for column: int in 3:
		_attempts.set_column_title(column, COLUMNS[column])
		_attempts.set_column_title_alignment(column, HORIZONTAL_ALIGNMENT_LEFT)
		_attempts.set_column_expand_ratio(column, COLUMN_RATIOS[column])


func take_focus() -> void:
	_address.grab_focus()


func _exit_tree() -> void:
	inspection.close()


func open(typed: String) -> void:
	_begin(typed, inspection.open)


func listen(typed: String) -> void:
	_begin(typed, inspection.listen)


func _begin(typed: String, how: Callable) -> void:
	var address: Address = Address.parse(typed)
	_events.clear()
	_bytes.clear()
	_address.text = typed
	if address == null:
		return _on_happened(0.0, "This is not an address: " + typed)
	how.call(address)


## The visible text: the events, the bytes, and the addresses.
func text() -> String:
	var attempts: String = ""
	for item: TreeItem in _attempts.get_root().get_children() if _attempts.get_root() != null else []:
		attempts += "%s %s\n" % [item.get_text(0), item.get_text(2)]
	return _events.get_parsed_text() + _bytes.get_parsed_text() + attempts


func _process(_delta: float) -> void:
	if is_visible_in_tree():
		_show_attempts()


func _show_attempts() -> void:
	var attempts: Array = inspection.attempts()
	_attempts.clear()
	var root: TreeItem = _attempts.create_item()
	for attempt: Dictionary in attempts:
		var item: TreeItem = _attempts.create_item(root)
		var address: String = attempt.address
		var message: String = attempt.message
		item.set_text(0, address)
		item.set_text(1, "%.3f" % attempt.seconds)
		item.set_text(2, "connected" if attempt.error == OK else message)


func _on_submitted(line: String) -> void:
	# C escapes stand for characters that have no key.
	inspection.send((line.c_unescape() + "\n").to_utf8_buffer())
	_line.clear()


func _on_happened(seconds: float, what: String) -> void:
	_events.add_text("%9.3f s  %s\n" % [seconds, what])
	_forget_old(_events)


func _on_moved(bytes: PackedByteArray, total: int, is_received: bool) -> void:
	_bytes.push_color(RECEIVED_COLOUR if is_received else SENT_COLOUR)
	_bytes.add_text(("received %d bytes\n" if is_received else "sent %d bytes\n") % bytes.size())
	_bytes.pop()
	_bytes.add_text(Hex.dump(bytes, total))
	_forget_old(_bytes)


func _forget_old(lines: RichTextLabel) -> void:
	while lines.get_paragraph_count() > MOST_LINES:
		lines.remove_paragraph(0, true)
	lines.invalidate_paragraph(0)
