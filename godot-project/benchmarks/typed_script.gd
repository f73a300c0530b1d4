extends RefCounted
## Makes a script that is written for `StreamPeerTCP` into the same for another class, or for variables without a type:
## the time of a call depends on what the script knows of the object.

const Family := preload("res://tests/support/family.gd")

const LOOPS := "res://benchmarks/loops.gd"
const CONNECTS := "res://benchmarks/connects.gd"
const PEER := "StreamPeerTCP"
const SERVER := "TCPServer"


## `loops.gd` for a kind of peer of `family`.
static func loops(family: Family, kind := "tcp") -> RefCounted:
	return _make(_source(LOOPS).replace(PEER, family.class_of(PEER if kind == "tcp" else "StreamPeerUDS")))


## `loops.gd` with variables of any type.
static func untyped_loops() -> RefCounted:
	return _make(_source(LOOPS).replace("Array[%s]" % PEER, "Array").replace(": " + PEER, ""))


## `connects.gd` for the TCP classes of `family`.
static func connects(family: Family) -> RefCounted:
	return _make(_source(CONNECTS).replace(PEER, family.class_of(PEER)).replace(SERVER, family.class_of(SERVER)))


static func _source(path: String) -> String:
	return (load(path) as GDScript).source_code


static func _make(source: String) -> RefCounted:
	var script := GDScript.new()
	script.source_code = source
	script.reload()
	return script.new()
