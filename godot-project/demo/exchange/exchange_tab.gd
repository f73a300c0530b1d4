extends VBoxContainer
## Shows two exchanges, over TCP and over Unix domain sockets, and whether everything arrived
## intact. exchange.gd and endpoint.gd do the networking.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

## [param succeeded] is true if everything arrived intact in both exchanges.
signal finished(succeeded: bool)

## In the order of the values of StreamPeerSocketRs.Status.
const STATUS_NAMES: Array[String] = ["NONE", "CONNECTING", "CONNECTED", "ERROR"]
const BLOB_SIZE: int = 8 * 1024 * 1024

const Exchange := preload("exchange.gd")
const ExchangePanel := preload("exchange_panel.gd")

var _exchanges: Array[Exchange] = []
var _failures: int = 0

@onready var _tcp: ExchangePanel = %TCP
@onready var _uds: ExchangePanel = %UDS
@onready var _log: RichTextLabel = %Log
@onready var _again: Button = %Again
@onready var _time_limit: Timer = %TimeLimit


func _ready() -> void:
	_again.pressed.connect(start)
	_time_limit.timeout.connect(_note_time_is_up)
	start()


func take_focus() -> void:
	_again.grab_focus()


func start() -> void:
	_again.disabled = true
	_log.clear()
	_failures = 0
	_time_limit.start()
	var blob: PackedByteArray = Crypto.new().generate_random_bytes(BLOB_SIZE)
	var other_blob: PackedByteArray = blob.duplicate()
	other_blob.reverse()
	var from_client: Dictionary = _parcel("client", blob)
	var from_server: Dictionary = _parcel("server", other_blob)
	var over_tcp: Exchange = _exchange("TCP", _tcp)
	var over_uds: Exchange = _exchange("UDS", _uds)
	over_tcp.start_tcp(from_client, from_server)
	over_uds.start_uds(from_client, from_server)


## A parcel with values of several kinds: text beyond ASCII, a 64-bit number, a fraction, and a
## nested Variant.
func _parcel(from: String, blob: PackedByteArray) -> Dictionary:
	var thing: Dictionary = {"from": from, "position": Vector3(1.5, -2.0, 0.25),
			"names": ["Åsa", "Αθήνα"]}
	return {"text": "Grüße from the " + from, "number": -(1 << 62), "fraction": PI, "thing": thing,
			"blob": blob}


func _exchange(family: String, panel: ExchangePanel) -> Exchange:
	var exchange: Exchange = Exchange.new()
	_exchanges.append(exchange)
	add_child(exchange)
	panel.clear(family)
	exchange.logged.connect(func(text: String) -> void: _print("%s %s" % [family, text]))
	exchange.status_changed.connect(
		func(side: String, from: int, to: int) -> void:
			panel.show_status(side, STATUS_NAMES[from], STATUS_NAMES[to])
			_print("%s %s: %s -> %s" % [family, side, STATUS_NAMES[from], STATUS_NAMES[to]])
	)
	exchange.progressed.connect(panel.show_progress)
	exchange.measured.connect(
		func(bytes: int, seconds: float, frames: int) -> void:
			var mebibytes: float = bytes / 1048576.0
			var figures: Array = [mebibytes, seconds, frames, mebibytes / seconds]
			var text: String = "%.1f MiB in %.3f s and %d frames: %.0f MiB/s" % figures
			panel.show_throughput(text)
			_print("%s %s" % [family, text])
	)
	exchange.finished.connect(
		func(succeeded: bool, text: String) -> void:
			panel.show_result(text, succeeded)
			_print("%s %s%s" % [family, "" if succeeded else "FAILED: ", text])
			_note_end(exchange, succeeded)
	)
	return exchange


func _note_end(exchange: Exchange, succeeded: bool) -> void:
	exchange.queue_free()
	_exchanges.erase(exchange)
	if not succeeded:
		_failures += 1
	if _exchanges.is_empty():
		_time_limit.stop()
		_again.disabled = false
		finished.emit(_failures == 0)


func _note_time_is_up() -> void:
	_print("FAILED: not finished within %d s" % _time_limit.wait_time)
	for exchange: Exchange in _exchanges.duplicate():
		_note_end(exchange, false)


func _print(text: String) -> void:
	print(text)
	_log.add_text(text + "\n")
