extends VBoxContainer
## Shows many connections as dots, and the time that a frame over them takes with the engine's
## classes and with this addon's. crowd.gd and the scripts that it uses do the networking.

const Crowd := preload("crowd.gd")
const Curves := preload("curves.gd")
const Descriptors := preload("descriptors.gd")
const Dots := preload("dots.gd")
const FrameTimes := preload("frame_times.gd")

const MOST := 2000
const ENGINE_COLOUR := Color(0.97, 0.62, 0.35)
const GROUP_COLOUR := Color(0.31, 0.79, 0.85)

var crowd := Crowd.new()

@onready var _count: HSlider = %Count
@onready var _share: HSlider = %Share
@onready var _dots: Dots = %Dots
@onready var _curves: Curves = %Curves


func _ready() -> void:
	var available := Descriptors.available(MOST * Crowd.SOCKETS_PER_CONNECTION)
	@warning_ignore("integer_division")
	_count.max_value = clampi(available / Crowd.SOCKETS_PER_CONNECTION, 10, MOST)
	_count.value_changed.connect(func(count: float) -> void: crowd.wanted = int(count))
	_share.value_changed.connect(func(percent: float) -> void: crowd.share = percent / 100.0)
	%EngineTime.add_theme_color_override(&"font_color", ENGINE_COLOUR)
	%GroupTime.add_theme_color_override(&"font_color", GROUP_COLOUR)
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
	_dots.show_frame(crowd.count(), crowd.heard)
	_curves.show_curves({ENGINE_COLOUR: crowd.engine_times.values,
			GROUP_COLOUR: crowd.group_times.values}, FrameTimes.MOST)
	%CountText.text = "%d connections" % crowd.wanted
	%ShareText.text = "%d %% send a message in a frame" % roundi(crowd.share * 100)
	%EngineTime.text = "%.2f ms" % crowd.engine_times.median()
	%GroupTime.text = "%.2f ms" % crowd.group_times.median()
	%Ratio.text = _ratio()
	%State.text = _state()


func _ratio() -> String:
	var ours := crowd.group_times.median()
	return "" if ours == 0.0 else "%.1f times as fast" % (crowd.engine_times.median() / ours)


func _state() -> String:
	if not crowd.problem.is_empty():
		return "FAILED: " + crowd.problem
	if not crowd.is_complete():
		return "connecting: %d of %d" % [crowd.count(), crowd.wanted]
	return "%.1f MiB have arrived, and every byte is correct" % (crowd.received / 1048576.0)
