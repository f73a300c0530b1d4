extends "res://benchmarks/row.gd"
## A row that exchanges data with the plain program. Its side "plain" is the plain program in the
## place of Godot.

const Cores := preload("res://benchmarks/cores.gd")
const Plain := preload("res://benchmarks/plain.gd")
const TypedScript := preload("res://benchmarks/typed_script.gd")

var _kind: String


func rounds() -> int:
	return scale.stream_rounds


func open() -> void:
	Cores.separate()


func close() -> void:
	Cores.release()


## Makes this a row for a kind of socket.
func _use(kind: String) -> void:
	_kind = kind
	sides = ["engine", "ours", "plain"]
	need_kind(kind)
