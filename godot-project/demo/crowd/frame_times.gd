extends RefCounted
## The times of the last frames in milliseconds, oldest first.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

## How many times are kept: four seconds at 60 frames per second.
const MOST: int = 240

var values: PackedFloat32Array = PackedFloat32Array()


func add(msec: float) -> void:
	if values.size() == MOST:
		values.remove_at(0)
	values.append(msec)


func clear() -> void:
	values.clear()


## The median, or 0 without values.
func median() -> float:
	if values.is_empty():
		return 0.0
	var sorted: PackedFloat32Array = values.duplicate()
	sorted.sort()
	@warning_ignore("integer_division")
	return sorted[sorted.size() / 2]
