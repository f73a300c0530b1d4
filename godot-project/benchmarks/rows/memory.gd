extends "res://benchmarks/row.gd"
## What a connected pair that does nothing takes of this process: bytes of resident memory. Each
## side is measured in a process of its own, since memory that one has used before the other finds
## ready.

const Descriptors := preload("res://benchmarks/descriptors.gd")
const EngineProcess := preload("res://tests/support/engine_process.gd")


static func all() -> Array:
	var row := new()
	row.names = ["memory of an idle pair"]
	if not EngineProcess.available():
		row.needs = "Linux"
		row.sides = []
	return [row]


func rounds() -> int:
	return scale.costly_rounds


func sample(side: String) -> PackedFloat64Array:
	var pairs := mini(scale.pairs, Descriptors.for_sockets() / 2)
	var result := EngineProcess.run("res://benchmarks/children/idle_pairs.gd", [side, str(pairs)])
	var output: String = result["output"]
	if result["code"] != 0 or not output.contains("bytes per pair: "):
		problem = output
		return [NAN]
	return [output.get_slice("bytes per pair: ", 1).to_float()]
