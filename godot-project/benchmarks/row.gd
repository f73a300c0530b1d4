extends RefCounted
## What is measured together: one row of the table or several, on each side.

const Family := preload("res://tests/support/family.gd")
const Scale := preload("res://benchmarks/scale.gd")
const Server := preload("res://benchmarks/server.gd")

## The rows' names, which xtask's table has too.
var names: PackedStringArray
## "engine" and "ours", and for some rows "plain" (sockets of Rust's standard library), "group"
## (ours, through a group) or "buffer" (the engine's `StreamPeerBuffer`).
var sides: PackedStringArray = ["engine", "ours"]
## What is missing here of what this row needs. The sides that need it are not in `sides`.
var needs := ""
## What has gone wrong. Ends the measurement.
var problem := ""
## What a reader of the numbers has to know.
var note := ""
var scale: Scale


## How many samples to take on each side.
func rounds() -> int:
	return scale.rounds


## Prepares for samples.
func open() -> void:
	pass


## Measures once: a number for each name. The first call on each side does not count: it warms up
## caches, memory and the processor's clock.
func sample(_side: String) -> PackedFloat64Array:
	return []


## Gives up what `open` has made.
func close() -> void:
	pass


## The classes of a side.
static func family_of(side: String) -> Family:
	return Family.engine() if side == "engine" else Family.ours()


## Leaves out the engine's side of a kind of socket that it does not have.
func need_kind(kind: String) -> void:
	if not Family.engine().kinds().has(kind):
		needs = "Godot 4.6, for its Unix domain sockets"
		sides.remove_at(sides.find("engine"))
