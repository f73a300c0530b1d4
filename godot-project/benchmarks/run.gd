extends SceneTree
## Measures the engine's classes and ours in turns, and writes the results as JSON. `cargo xtask
## bench` runs it:
## [codeblock lang=text]
## godot --headless --path godot-project --script res://benchmarks/run.gd --
##     --plain=PROGRAM --report=FILE [--scale=full|quick|smoke] [FILTER...]
## [/codeblock]
## With filters, only rows whose name contains one of them are measured.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Plain := preload("res://benchmarks/plain.gd")
const Row := preload("res://benchmarks/row.gd")
const Scale := preload("res://benchmarks/scale.gd")
const Machine := preload("res://benchmarks/machine.gd")
## The measurements, in the order of the table.
const ROWS: Array = [
	preload("res://benchmarks/rows/calls.gd"),
	preload("res://benchmarks/rows/reads.gd"),
	preload("res://benchmarks/rows/frames.gd"),
	preload("res://benchmarks/rows/lobby.gd"),
	preload("res://benchmarks/rows/blocks.gd"),
	preload("res://benchmarks/rows/round_trips.gd"),
	preload("res://benchmarks/rows/packets.gd"),
	preload("res://benchmarks/rows/chat.gd"),
	preload("res://benchmarks/rows/redis.gd"),
	preload("res://benchmarks/rows/websockets.gd"),
	preload("res://benchmarks/rows/websocket_echoes.gd"),
	preload("res://benchmarks/rows/big_messages.gd"),
	preload("res://benchmarks/rows/http.gd"),
	preload("res://benchmarks/rows/connects.gd"),
	preload("res://benchmarks/rows/memory.gd"),
	preload("res://benchmarks/rows/system_calls.gd"),
]

var _report_path: String = ""
var _scale: Scale = Scale.new()
var _filters: PackedStringArray = PackedStringArray()
var _report: Array[Dictionary] = []


func _initialize() -> void:
	for argument: String in OS.get_cmdline_user_args():
		if argument.begins_with("--plain="):
			Plain.path = argument.trim_prefix("--plain=")
		elif argument.begins_with("--report="):
			_report_path = argument.trim_prefix("--report=")
		elif argument.begins_with("--scale="):
			_scale = Scale.named(argument.trim_prefix("--scale="))
		else:
			_filters.append(argument)
	for kind: GDScript in ROWS:
		var rows: Array = kind.call(&"all")
		for row: Row in rows:
			if _is_wanted(row):
				row.scale = _scale
				_measure(row)
	quit(0 if _write() else 1)


func _is_wanted(row: Row) -> bool:
	for name: String in row.names:
		for filter: String in _filters:
			if name.containsn(filter):
				return true
	return _filters.is_empty()


func _measure(row: Row) -> void:
	var begin: int = Time.get_ticks_msec()
	var samples: Dictionary = {}
	for side: String in row.sides:
		samples[side] = []
	row.open()
	for number: int in 1 + row.rounds():
		var sample: Dictionary = _round(row, number)
		if number > 0:
			for side: String in sample:
				var of_side: Array = samples[side]
				of_side.append(sample[side])
	row.close()
	for i: int in row.names.size():
		_report.append(_line(row, samples, i))
	print("%6.1f s  %s" % [(Time.get_ticks_msec() - begin) / 1000.0, ", ".join(row.names)],
			"" if row.problem.is_empty() else "  not measured: " + row.problem,
			"" if row.needs.is_empty() else "  needs " + row.needs)


# One sample of each side. The sides take turns in going first, in case the previous work of the
# machine matters.
func _round(row: Row, number: int) -> Dictionary:
	var sides: Array = Array(row.sides)
	if number % 2 == 1:
		sides.reverse()
	var sample: Dictionary = {}
	for side: String in sides:
		if row.problem.is_empty():
			sample[side] = row.sample(side)
	return sample if row.problem.is_empty() else {}


func _line(row: Row, samples: Dictionary, index: int) -> Dictionary:
	var of_name: Dictionary = {}
	for side: String in samples:
		if not row.problem.is_empty():
			continue
		var numbers: PackedFloat64Array = PackedFloat64Array()
		for sample: PackedFloat64Array in samples[side]:
			numbers.append(sample[index])
		of_name[side] = numbers
	return {"name": row.names[index], "samples": of_name, "problem": row.problem, "needs": row.needs,
			"note": row.note}


func _write() -> bool:
	var file: FileAccess = FileAccess.open(_report_path, FileAccess.WRITE)
	if file == null:
		printerr("cannot write the report '%s'; see --report" % _report_path)
		return false
	file.store_string(JSON.stringify({"machine": Machine.description(), "rows": _report}, "", false,
			true))
	return true
