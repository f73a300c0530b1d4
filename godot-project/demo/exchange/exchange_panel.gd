extends PanelContainer
## Shows one exchange: the statuses of both ends, past and present, and the progress.

const COLORS: Dictionary = {"NONE": "#8b98a9", "CONNECTING": "#e8b84a", "CONNECTED": "#5fcf80",
		"ERROR": "#ef6b6b"}

@onready var _title: Label = %Title
@onready var _throughput: Label = %Throughput
@onready var _result: Label = %Result
@onready var _statuses: Dictionary = {"client": %ClientStatus as RichTextLabel,
		"server": %ServerStatus as RichTextLabel}
@onready var _progress: Dictionary = {"client": %ClientProgress as ProgressBar,
		"server": %ServerProgress as ProgressBar}


## Prepares the panel for a new exchange.
func clear(title: String) -> void:
	_title.text = title
	_throughput.text = " "
	_result.text = "running"
	_result.remove_theme_color_override("font_color")
	for side: String in _statuses:
		var label: RichTextLabel = _statuses[side]
		label.clear()
		var bar: ProgressBar = _progress[side]
		bar.value = 0


## Statuses change within milliseconds, so all of them stay visible.
func show_status(side: String, from: String, to: String) -> void:
	var label: RichTextLabel = _statuses[side]
	if label.get_parsed_text().is_empty():
		label.append_text(_colored(from))
	label.append_text("  ›  " + _colored(to))


func show_progress(side: String, bytes: int, total: int) -> void:
	var bar: ProgressBar = _progress[side]
	bar.max_value = total
	bar.value = bytes


func show_throughput(text: String) -> void:
	_throughput.text = text


func show_result(text: String, succeeded: bool) -> void:
	_result.text = text
	var color: String = COLORS["CONNECTED" if succeeded else "ERROR"]
	_result.add_theme_color_override("font_color", Color(color))


func _colored(status: String) -> String:
	return "[color=%s]%s[/color]" % [COLORS[status], status]
