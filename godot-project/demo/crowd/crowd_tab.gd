extends VBoxContainer
## Shows many connections as dots, and the time that a frame over them takes with the engine's
## classes and with this addon's. crowd.gd and the scripts that it uses do the networking.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Crowd := preload("crowd.gd")
const Curves := preload("curves.gd")
const Descriptors := preload("descriptors.gd")
const Dots := preload("dots.gd")
const FrameTimes := preload("frame_times.gd")

const MOST: int = 2000
const ENGINE_COLOUR: Color = Color(0.97, 0.62, 0.35)
const GROUP_COLOUR: Color = Color(0.31, 0.79, 0.85)

var crowd: Crowd = Crowd.new()

@onready var _count: HSlider = %Count
@onready var _share: HSlider = %Share
@onready var _dots: Dots = %Dots
@onready var _count_text: Label = %CountText
@onready var _share_text: Label = %ShareText
@onready var _engine_time: Label = %EngineTime
@onready var _group_time: Label = %GroupTime
@onready var _ratio: Label = %Ratio
@onready var _state: Label = %State
@onready var _curves: Curves = %Curves


func _ready() -> void:
	var available: int = Descriptors.available(MOST * Crowd.SOCKETS_PER_CONNECTION)
	@warning_ignore("integer_division")
	_count.max_value = clampi(available / Crowd.SOCKETS_PER_CONNECTION, 10, MOST)
	_count.value_changed.connect(func(count: float) -> void: crowd.wanted = int(count))
	_share.value_changed.connect(func(percent: float) -> void: crowd.share = percent / 100.0)
	_engine_time.add_theme_color_override(&"font_color", ENGINE_COLOUR)
	_group_time.add_theme_color_override(&"font_color", GROUP_COLOUR)
	crowd.wanted = int(_count.value)
	crowd.share = _share.value / 100.0
	crowd.open()


func take_focus() -> void:
	_count.grab_focus()


func _process(_delta: float) -> void:
	# A hidden tab costs nothing.
	if not is_visible_in_tree():
		return
	crowd.frame()
	_dots.show_frame(crowd.count(), crowd.senders)
	_curves.show_curves({ENGINE_COLOUR: crowd.engine_times.values,
			GROUP_COLOUR: crowd.group_times.values}, FrameTimes.MOST)
	_count_text.text = "%d connections" % crowd.wanted
	_share_text.text = "%d %% send a message in a frame" % roundi(crowd.share * 100)
	_engine_time.text = "%.2f ms" % crowd.engine_times.median()
	_group_time.text = "%.2f ms" % crowd.group_times.median()
	_ratio.text = _ratio_text()
	_state.text = _state_text()


func _ratio_text() -> String:
	var ours: float = crowd.group_times.median()
	return "" if ours == 0.0 else "%.1f times as fast" % (crowd.engine_times.median() / ours)


func _state_text() -> String:
	if not crowd.problem.is_empty():
		return "FAILED: " + crowd.problem
	if not crowd.is_complete():
		return "connecting: %d of %d" % [crowd.count(), crowd.wanted]
	return "%.1f MiB have arrived, and every byte is correct" % (crowd.received / 1048576.0)
