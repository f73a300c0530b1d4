extends RefCounted
## What the signals of an object have said, in their order: each entry is the name, followed by the
## argument if there is one. The object is not kept alive.

const PEER_SIGNALS := ["status_changed", "connect_finished", "data_available", "disconnected",
		"drained"]

var entries := []


## The log of a peer. Without `data_available`, which comes with each poll while there is something
## to read.
static func of_peer(peer: Object) -> RefCounted:
	var names := PackedStringArray(PEER_SIGNALS)
	names.remove_at(names.find("data_available"))
	return of(peer, names)


static func of(object: Object, names: PackedStringArray) -> RefCounted:
	var made: RefCounted = load("res://tests/support/signal_log.gd").new()
	for name in names:
		made._listen(object, name)
	return made


## How often `name` has come.
func count(name: String) -> int:
	return entries.filter(func(entry: Array) -> bool: return entry[0] == name).size()


## The entries since the last call.
func take() -> Array:
	var taken := entries
	entries = []
	return taken


func _listen(object: Object, name: String) -> void:
	var note := func(argument: Variant) -> void: entries.append([name, argument])
	if name in ["data_available", "drained", "connection_available"]:
		note = func() -> void: entries.append([name])
	object.connect(name, note)
