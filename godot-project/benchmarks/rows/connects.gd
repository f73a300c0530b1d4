extends "res://benchmarks/row.gd"
## Connections made per second, with both ends in this process.

const TypedScript := preload("res://benchmarks/typed_script.gd")


static func all() -> Array:
	var row := new()
	row.names = ["connect and accept"]
	return [row]


func sample(side: String) -> PackedFloat64Array:
	var usec: int = TypedScript.connects(family_of(side)).connect_and_accept(scale.connects)
	return [scale.connects * 1e6 / usec]
