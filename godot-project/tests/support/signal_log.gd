extends RefCounted
## Records the signals of an object in order. Each entry is the name, followed by the argument if
## there is one. The log does not keep the object alive.

const PEER_SIGNALS := ["status_changed", "connect_finished", "data_available", "disconnected",
		"drained"]

var entries := []


## A log of a peer's signals except `data_available`, which each poll emits while there is data to
## read.
static func of_peer(peer: Object) -> RefCounted:
	var names := PackedStringArray(PEER_SIGNALS)
	names.remove_at(names.find("data_available"))
	return of(peer, names)


static func of(object: Object, names: PackedStringArray) -> RefCounted:
	var made: RefCounted = load("res://tests/support/signal_log.gd").new()
	for name in names:
		made._listen(object, name)
	return made


## How often `name` was emitted.
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
