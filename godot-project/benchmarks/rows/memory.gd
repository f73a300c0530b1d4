extends "res://benchmarks/row.gd"
## The resident memory of an idle connected pair in bytes, and what a WebSocket adds to each of its
## ends. Each sample is measured in processes of its own, since a second one would reuse memory of
## the first.

const Descriptors := preload("res://benchmarks/descriptors.gd")
const EngineProcess := preload("res://tests/support/engine_process.gd")


func _init() -> void:
	names = ["memory of an idle pair", "memory of an idle WebSocket beyond its stream"]
	if not EngineProcess.available():
		needs = "Linux"
		sides = []


static func all() -> Array:
	return [new()]


func rounds() -> int:
	return scale.costly_rounds


func sample(side: String) -> PackedFloat64Array:
	var streams: float = _bytes_per_pair(side, "streams")
	var websockets: float = _bytes_per_pair(side, "websockets")
	return [streams, (websockets - streams) / 2.0]


func _bytes_per_pair(side: String, kind: String) -> float:
	@warning_ignore("integer_division")
	var pairs: int = mini(scale.pairs, Descriptors.for_sockets() / 2)
	var result: Dictionary = EngineProcess.run("res://benchmarks/children/idle_pairs.gd",
			[side, str(pairs), kind])
	var output: String = result["output"]
	if result["code"] != 0 or not output.contains("bytes per pair: "):
		problem = output
		return NAN
	return output.get_slice("bytes per pair: ", 1).to_float()
