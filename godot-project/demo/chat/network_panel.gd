extends PanelContainer
## A simulated bad network: a relay between a client and a server, and controls for its conditions.

var relay := SocketRelayRs.new()

@onready var _sliders := {"delay": %Delay, "jitter": %Jitter, "bandwidth": %Bandwidth}


func _ready() -> void:
	relay.auto_poll = true
	for slider: Slider in _sliders.values():
		slider.value_changed.connect(func(_value: float) -> void: _apply())
	%Pieces.toggled.connect(func(_on: bool) -> void: _apply())
	%Stalled.toggled.connect(func(_on: bool) -> void: _apply())
	%Cut.pressed.connect(relay.abort_all)
	_apply()


func _process(_delta: float) -> void:
	%State.text = "%d bytes to the server, %d back, %d under way" % [relay.get_bytes_to_target(),
			relay.get_bytes_to_client(),
			relay.get_bytes_under_way()]


## Returns the address of the relay in front of [param target]. After a failure it calls [param
## problem] with the reason, and returns null.
func relayed(target: RefCounted, problem: Callable) -> RefCounted:
	relay.stop()
	var error := (relay.set_target_host(target.host, target.port) if target.path.is_empty()
			else relay.set_target_path(target.path))
	if error == OK:
		error = relay.listen(0, "127.0.0.1")
	if error != OK:
		problem.call(relay.get_last_error_message())
		return null
	return target.get_script().parse("127.0.0.1:%d" % relay.get_local_port())


func _apply() -> void:
	for conditions: SocketConditionsRs in [relay.to_target, relay.to_client]:
		conditions.delay = %Delay.value / 1000.0
		conditions.jitter = %Jitter.value / 1000.0
		# The end of the slider means no limit.
		conditions.bandwidth = int(%Bandwidth.value) if %Bandwidth.value < %Bandwidth.max_value else 0
		conditions.max_piece_bytes = 1 if %Pieces.button_pressed else 0
		conditions.stalled = %Stalled.button_pressed
	%DelayText.text = "Delay: %d ms each way" % %Delay.value
	%JitterText.text = "Jitter: up to %d ms more" % %Jitter.value
	%BandwidthText.text = ("Bandwidth: no limit" if %Bandwidth.value == %Bandwidth.max_value
			else "Bandwidth: %d bytes/s" % %Bandwidth.value)
