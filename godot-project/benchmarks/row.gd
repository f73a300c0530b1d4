extends RefCounted
## A measurement: one row of the table or several, on each side.

const Family := preload("res://tests/support/family.gd")
const Scale := preload("res://benchmarks/scale.gd")
const Server := preload("res://benchmarks/server.gd")

## The names of the rows, as in the table of xtask.
var names: PackedStringArray
## "engine" and "ours", and for some rows "plain" (sockets of Rust's standard library), "group"
## (ours, in a group), "polled" (ours, polled one by one), "stream" (our stream under a WebSocket),
## "buffer" (the engine's `StreamPeerBuffer`) or "node" (Node.js).
var sides: PackedStringArray = ["engine", "ours"]
## What this row needs and the system lacks. The sides that need it are not in `sides`.
var needs: String = ""
## Why the measurement failed; empty if it did not.
var problem: String = ""
## A remark for readers of the numbers.
var note: String = ""
var scale: Scale


## The number of samples on each side.
func rounds() -> int:
	return scale.rounds


## Prepares for samples.
func open() -> void:
	pass


## Takes a sample: a number for each name. The first sample of each side is discarded: it warms up
## caches, memory and the processor's clock.
func sample(_side: String) -> PackedFloat64Array:
	return []


## Releases what `open` has made.
func close() -> void:
	pass


## The classes of a side.
static func family_of(side: String) -> Family:
	return Family.engine() if side == "engine" else Family.ours()


## Whether a program can be started.
static func is_installed(program: String) -> bool:
	return OS.execute(program, ["--version"], []) == 0


## Removes the engine's side if the engine does not have this kind of socket.
func need_kind(kind: String) -> void:
	if not Family.engine().kinds().has(kind):
		needs = "Godot 4.6, for its Unix domain sockets"
		sides.remove_at(sides.find("engine"))
