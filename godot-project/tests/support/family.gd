extends RefCounted
## The two families of classes that the parity tests compare: the engine's and this addon's.
##
## Objects are made by class name, so that the parity tests can be parsed whatever classes the
## engine has.

# The results of append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const System := preload("res://tests/support/system.gd")

# This script itself, as a type.
const Family := preload("res://tests/support/family.gd")

const SUFFIX: String = "Rs"

## The family's name in reports: "engine" or "ours".
var name: String = ""
## Why a test left out a part of itself; empty if it did not. The runner reads and clears it.
var left_out: String = ""
var _suffix: String = ""


static func engine() -> Family:
	return _make("engine", "")


static func ours() -> Family:
	return _make("ours", SUFFIX)


static func _make(family_name: String, suffix: String) -> Family:
	var family: Family = new()
	family.name = family_name
	family._suffix = suffix
	return family


## The name of the family's class that corresponds to an engine class.
func class_of(engine_class: String) -> String:
	return engine_class + _suffix


func has(engine_class: String) -> bool:
	return ClassDB.class_exists(class_of(engine_class))


## The names of required classes that this family lacks.
func missing() -> PackedStringArray:
	var wanted: Array = ["StreamPeerTCP", "TCPServer"]
	if name == "ours":
		wanted.append_array(["StreamPeerSocket", "StreamPeerUDS", "SocketServer", "UDSServer"])
	var absent: PackedStringArray = PackedStringArray()
	for engine_class: String in wanted:
		if not has(engine_class):
			absent.append(class_of(engine_class))
	return absent


## "tcp", and "uds" where this system and the family have it. Otherwise the test reports that it
## left out a part.
func kinds() -> PackedStringArray:
	var lack: String = lacks_uds()
	if lack.is_empty():
		return ["tcp", "uds"]
	leave_out(lack)
	return ["tcp"]


## Notes why a test leaves out a part of itself.
func leave_out(why: String) -> void:
	if left_out.is_empty():
		left_out = why
	elif not left_out.contains(why):
		left_out += ", " + why


## The kind with the least overhead, for a test that does not depend on the kind.
func local_kind() -> String:
	return "uds" if lacks_uds().is_empty() else "tcp"


## Why the family has no Unix domain sockets on this system; empty if it has. The engine has them
## since Godot 4.6, but they do not work on Windows: they print errors, and some of their calls
## crash.
func lacks_uds() -> String:
	if not has("StreamPeerUDS"):
		return "the engine has no Unix domain sockets"
	if name == "engine" and OS.has_feature("windows"):
		return "the engine has no Unix domain sockets on Windows"
	if not System.has_unix_sockets():
		return "this system has no Unix domain sockets"
	return ""


func tcp_peer() -> StreamPeer:
	return ClassDB.instantiate(class_of("StreamPeerTCP"))


func uds_peer() -> StreamPeer:
	return ClassDB.instantiate(class_of("StreamPeerUDS"))


func tcp_server() -> RefCounted:
	return ClassDB.instantiate(class_of("TCPServer"))


func uds_server() -> RefCounted:
	return ClassDB.instantiate(class_of("UDSServer"))


func peer(kind: String) -> StreamPeer:
	return tcp_peer() if kind == "tcp" else uds_peer()


func server(kind: String) -> RefCounted:
	return tcp_server() if kind == "tcp" else uds_server()
