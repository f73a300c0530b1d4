extends Control
## The demo: with no arguments, a server and a client each over TCP and over Unix domain sockets; otherwise one question
## to a server elsewhere. It decides and shows; the networking is in exchange.gd, endpoint.gd and ask_server.gd.

const USAGE := """Arguments, after "--":
  (nothing)              servers and clients in one project
  tcp HOST PORT [TEXT]   send TEXT and a line end to a server, show what comes back
  uds PATH [TEXT]        the same, to a Unix domain socket"""
const DEFAULT_TEXT := "PING"
## In the order of the values of StreamPeerSocketRs.Status.
const STATUS_NAMES: Array[String] = ["NONE", "CONNECTING", "CONNECTED", "ERROR"]
const BLOB_SIZE := 8 * 1024 * 1024
const TIME_LIMIT_SECONDS := 30.0
const EXIT_FAILURE := 1
const EXIT_USAGE := 2

const ExchangePanel := preload("exchange_panel.gd")

## A failure until everything has succeeded, also if the window is closed before.
var _exit_code := EXIT_FAILURE
var _running := 0
var _failures := 0

@onready var _log: RichTextLabel = %Log
@onready var _again: Button = %Again


func _ready() -> void:
	_again.pressed.connect(get_tree().reload_current_scene)
	var arguments := OS.get_cmdline_user_args()
	# Scripts that name the addon's classes do not even load without them. So they are not preloaded here, and the
	# demo can tell what is missing.
	if not ClassDB.class_exists(&"StreamPeerSocketRs"):
		_quit(EXIT_FAILURE, "The addon is not loaded. Build it with `cargo xtask build`.")
	elif arguments.is_empty():
		_start_exchanges()
	else:
		_ask(arguments)


func _notification(what: int) -> void:
	if what == NOTIFICATION_WM_CLOSE_REQUEST:
		get_tree().quit(_exit_code)


func _start_exchanges() -> void:
	var blob := Crypto.new().generate_random_bytes(BLOB_SIZE)
	var other_blob := blob.duplicate()
	other_blob.reverse()
	var from_client := _parcel("client", blob)
	var from_server := _parcel("server", other_blob)
	_running = 2
	get_tree().create_timer(TIME_LIMIT_SECONDS).timeout.connect(_note_time_is_up)
	_exchange("TCP", %TCP).start_tcp(from_client, from_server)
	_exchange("UDS", %UDS).start_uds(from_client, from_server)


## Something of everything: text beyond ASCII, a number of 64 bits, a fraction, a Variant with others inside.
func _parcel(from: String, blob: PackedByteArray) -> Dictionary:
	var thing := {"from": from, "position": Vector3(1.5, -2.0, 0.25), "names": ["Åsa", "日本"]}
	return {"text": "Grüße from the " + from, "number": -(1 << 62), "fraction": PI, "thing": thing, "blob": blob}


func _exchange(family: String, panel: ExchangePanel) -> Node:
	var exchange: Node = load("res://demo/exchange.gd").new()
	add_child(exchange)
	panel.show_title(family)
	exchange.logged.connect(func(text: String) -> void: _print("%s %s" % [family, text]))
	exchange.status_changed.connect(
		func(side: String, from: int, to: int) -> void:
			panel.show_status(side, STATUS_NAMES[from], STATUS_NAMES[to])
			_print("%s %s: %s -> %s" % [family, side, STATUS_NAMES[from], STATUS_NAMES[to]])
	)
	exchange.progressed.connect(panel.show_progress)
	exchange.measured.connect(
		func(bytes: int, seconds: float, frames: int) -> void:
			var mebibytes := bytes / 1048576.0
			var figures := [mebibytes, seconds, frames, mebibytes / seconds]
			var text := "%.1f MiB in %.3f s and %d frames: %.0f MiB/s" % figures
			panel.show_throughput(text)
			_print("%s %s" % [family, text])
	)
	exchange.finished.connect(
		func(succeeded: bool, text: String) -> void:
			panel.show_result(text, succeeded)
			_print("%s %s%s" % [family, "" if succeeded else "FAILED: ", text])
			_note_end(succeeded)
	)
	return exchange


func _note_end(succeeded: bool) -> void:
	_running -= 1
	if not succeeded:
		_failures += 1
	if _running > 0:
		return
	_exit_code = OK if _failures == 0 else EXIT_FAILURE
	_again.disabled = false
	if DisplayServer.get_name() == "headless":
		get_tree().quit(_exit_code)


func _note_time_is_up() -> void:
	if _running > 0:
		_print("FAILED: not finished within %d s" % TIME_LIMIT_SECONDS)
		_running = 1
		_note_end(false)


func _ask(arguments: PackedStringArray) -> void:
	var asking: Node = load("res://demo/ask_server.gd").new()
	add_child(asking)
	asking.logged.connect(_print)
	asking.finished.connect(
		func(problem: String) -> void: _quit(OK if problem.is_empty() else EXIT_FAILURE, problem)
	)
	var count := arguments.size()
	if arguments.slice(0, 2).has(""):
		_quit(EXIT_USAGE, USAGE)
	elif arguments[0] == "tcp" and (count == 3 or count == 4) and _is_port(arguments[2]):
		asking.ask_tcp(arguments[1], arguments[2].to_int(), DEFAULT_TEXT if count == 3 else arguments[3])
	elif arguments[0] == "uds" and (count == 2 or count == 3):
		asking.ask_uds(arguments[1], DEFAULT_TEXT if count == 2 else arguments[2])
	else:
		_quit(EXIT_USAGE, USAGE)


func _is_port(text: String) -> bool:
	return text.is_valid_int() and text.to_int() >= 1 and text.to_int() <= 65535


func _print(text: String) -> void:
	print(text)
	_log.add_text(text + "\n")


func _quit(exit_code: int, reason: String) -> void:
	if not reason.is_empty():
		printerr(reason)
	get_tree().quit(exit_code)
