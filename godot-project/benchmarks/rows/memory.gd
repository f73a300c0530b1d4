extends "res://benchmarks/row.gd"
## The resident memory of an idle connected pair in bytes. Each side is measured in its own process,
## since the second side would reuse memory of the first.

const Descriptors := preload("res://benchmarks/descriptors.gd")
const EngineProcess := preload("res://tests/support/engine_process.gd")


func _init() -> void:
	names = ["memory of an idle pair"]
	if not EngineProcess.available():
		needs = "Linux"
		sides = []


static func all() -> Array:
	return [new()]


func rounds() -> int:
	return scale.costly_rounds


func sample(side: String) -> PackedFloat64Array:
	@warning_ignore("integer_division")
	var pairs: int = mini(scale.pairs, Descriptors.for_sockets() / 2)
	var result: Dictionary = EngineProcess.run("res://benchmarks/children/idle_pairs.gd",
			[side, str(pairs)])
	var output: String = result["output"]
	if result["code"] != 0 or not output.contains("bytes per pair: "):
		problem = output
		return [NAN]
	return [output.get_slice("bytes per pair: ", 1).to_float()]
