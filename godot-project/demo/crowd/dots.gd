extends Control
## A dot for each connection. It lights up when the connection has received a message.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const DARK: Color = Color(0.17, 0.2, 0.26)
const BRIGHT: Color = Color(0.45, 0.92, 0.95)
## The share of the light that remains after a frame.
const FADING: float = 0.86
const GAP: float = 0.3

var _light: PackedFloat32Array = PackedFloat32Array()


## Shows [param count] dots. Those in [param members] light up.
func show_frame(count: int, members: PackedInt32Array) -> void:
	_light.resize(count)
	for i: int in count:
		_light[i] *= FADING
	for i: int in members:
		if i < count:
			_light[i] = 1.0
	queue_redraw()


func _draw() -> void:
	var count: int = _light.size()
	if count == 0 or size.y < 1.0:
		return
	# As many columns as make the dots square.
	var columns: int = maxi(1, ceili(sqrt(count * size.x / size.y)))
	var rows: int = ceili(float(count) / columns)
	var side: float = minf(size.x / columns, size.y / rows)
	var dot: Vector2 = Vector2.ONE * side * (1.0 - GAP)
	var start: Vector2 = Vector2((size.x - columns * side) / 2, 0)
	for i: int in count:
		var place: Vector2 = start + Vector2(i % columns, floorf(float(i) / columns)) * side
		draw_rect(Rect2(place, dot), DARK.lerp(BRIGHT, _light[i]))
