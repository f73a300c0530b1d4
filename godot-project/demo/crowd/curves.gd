extends Control
## Curves of frame times, drawn over each other to the same scale.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const LINE: Color = Color(0.25, 0.29, 0.36)
const WIDTH: float = 2.0
const FONT_SIZE: int = 13
## The least end of the scale in milliseconds.
const LEAST: float = 0.5
## The share of the values that the scale has to cover. The rest, rare peaks, may exceed it.
const SHOWN: float = 0.95

## The values of each curve, by colour.
var _curves: Dictionary[Color, PackedFloat32Array] = {}
var _most: int = 0


## Shows curves by colour. The last one is in front. Each has at most [param most] values.
func show_curves(curves: Dictionary[Color, PackedFloat32Array], most: int) -> void:
	_curves = curves
	_most = most
	queue_redraw()


func _draw() -> void:
	var top: float = LEAST
	for colour: Color in _curves:
		var sorted: PackedFloat32Array = _curves[colour].duplicate()
		sorted.sort()
		if not sorted.is_empty():
			top = maxf(top, sorted[int((sorted.size() - 1) * SHOWN)])
	# The scale ends at 1, 2 or 5 times a power of ten, so that it changes rarely.
	var power: float = pow(10, floorf(log(top) / log(10)))
	var factor: float = (1.0 if top <= power else 2.0 if top <= 2 * power else 5.0 if top <= 5 * power
			else 10.0)
	top = factor * power
	var font: Font = get_theme_default_font()
	for share: float in [0.0, 0.5, 1.0]:
		var y: float = size.y * (1.0 - share)
		draw_line(Vector2(0, y), Vector2(size.x, y), LINE)
		var text: String = "%s ms" % String.num(top * share, 2)
		draw_string(font, Vector2(4, y - 4 if share < 1.0 else y + FONT_SIZE + 2), text,
				HORIZONTAL_ALIGNMENT_LEFT, -1, FONT_SIZE,
				Color(0.57, 0.63, 0.7))
	for colour: Color in _curves:
		var points: PackedVector2Array = PackedVector2Array()
		for value: float in _curves[colour]:
			points.append(Vector2(size.x * points.size() / maxi(_most - 1, 1),
					size.y * maxf(0.0, 1.0 - value / top)))
		if points.size() > 1:
			draw_polyline(points, colour, WIDTH, true)
