extends PanelContainer
## A simulated bad network: a relay between a client and a server, and controls for its conditions.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Address := preload("res://demo/address.gd")

var relay: SocketRelayRs = SocketRelayRs.new()

@onready var _delay: HSlider = %Delay
@onready var _delay_text: Label = %DelayText
@onready var _jitter: HSlider = %Jitter
@onready var _jitter_text: Label = %JitterText
@onready var _bandwidth: HSlider = %Bandwidth
@onready var _bandwidth_text: Label = %BandwidthText
@onready var _pieces: CheckBox = %Pieces
@onready var _stalled: CheckBox = %Stalled
@onready var _cut: Button = %Cut
@onready var _state: Label = %State


func _ready() -> void:
	relay.auto_poll = true
	for slider: Slider in [_delay, _jitter, _bandwidth]:
		slider.value_changed.connect(func(_value: float) -> void: _apply())
	_pieces.toggled.connect(func(_on: bool) -> void: _apply())
	_stalled.toggled.connect(func(_on: bool) -> void: _apply())
	_cut.pressed.connect(relay.abort_all)
	_apply()


func _process(_delta: float) -> void:
	var counts: Array[int] = [relay.get_bytes_to_target(), relay.get_bytes_to_client(),
			relay.get_bytes_under_way()]
	_state.text = "%d bytes to the server, %d back, %d under way" % counts


## Returns the address of the relay in front of [param target]. After a failure it calls [param
## problem] with the reason, and returns null.
func relayed(target: Address, problem: Callable) -> Address:
	relay.stop()
	var error: Error = (relay.set_target_host(target.host, target.port) if target.path.is_empty()
			else relay.set_target_path(target.path))
	if error == OK:
		error = relay.listen(0, "127.0.0.1")
	if error != OK:
		problem.call(relay.get_last_error_message())
		return null
	return Address.parse("127.0.0.1:%d" % relay.get_local_port())


func _apply() -> void:
	for conditions: SocketConditionsRs in [relay.to_target, relay.to_client]:
		conditions.delay = _delay.value / 1000.0
		conditions.jitter = _jitter.value / 1000.0
		# The end of the slider means no limit.
		conditions.bandwidth = int(_bandwidth.value) if _bandwidth.value < _bandwidth.max_value else 0
		conditions.max_piece_bytes = 1 if _pieces.button_pressed else 0
		conditions.stalled = _stalled.button_pressed
	_delay_text.text = "Delay: %d ms each way" % _delay.value
	_jitter_text.text = "Jitter: up to %d ms more" % _jitter.value
	_bandwidth_text.text = ("Bandwidth: no limit" if _bandwidth.value == _bandwidth.max_value
			else "Bandwidth: %d bytes/s" % _bandwidth.value)
