extends "res://benchmarks/row.gd"
## Connections made per second, with both ends in this process.

const TypedScript := preload("res://benchmarks/typed_script.gd")


func _init() -> void:
	names = ["connect and accept"]


static func all() -> Array:
	return [new()]


func sample(side: String) -> PackedFloat64Array:
	var usec: int = (TypedScript.connects(family_of(side))
			.call(&"connect_and_accept", scale.connects))
	return [scale.connects * 1e6 / usec]
