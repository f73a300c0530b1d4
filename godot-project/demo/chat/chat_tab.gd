extends VBoxContainer
## Two clients of a chat, Ann directly and Bob through a simulated bad network. The room is in this
## process or in another one. Other clients may join.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Address := preload("res://demo/address.gd")
const ChatPane := preload("chat_pane.gd")
const ChatRoom := preload("chat_room.gd")
const NetworkPanel := preload("network_panel.gd")

const DEFAULT: String = "127.0.0.1:0"

var room: ChatRoom

@onready var ann: ChatPane = %Ann
@onready var bob: ChatPane = %Bob
@onready var network: NetworkPanel = %Network
@onready var _address: LineEdit = %Address
@onready var _host_button: Button = %Host
@onready var _join_button: Button = %Join
@onready var _socket_button: Button = %Socket
@onready var _state: Label = %State


func _ready() -> void:
	_host_button.pressed.connect(func() -> void: host(_address.text))
	_join_button.pressed.connect(func() -> void: join(_address.text))
	_socket_button.pressed.connect(func() -> void: host("user://chat.sock"))
	host(DEFAULT)


func take_focus() -> void:
	ann.take_focus()


func _exit_tree() -> void:
	_close()


## Opens a room at an address, and joins it. Port 0 lets the system choose a free port.
func host(text: String) -> void:
	var address: Address = Address.parse(text)
	_close()
	if address == null:
		return _say("This is not an address: " + text)
	room = ChatRoom.new()
	if not room.open(address):
		return _say(room.problem)
	if address.path.is_empty():
		text = "%s:%d" % [address.host, (room.server as TCPServerRs).get_local_port()]
	_enter(text)
	var path: String = ProjectSettings.globalize_path(address.path)
	_say("Others may join: "
			+ ("nc " + text.replace(":", " ") if address.path.is_empty() else "nc -U '%s'" % path))


## Joins a room of another process.
func join(text: String) -> void:
	_close()
	_enter(text)


func _enter(text: String) -> void:
	var address: Address = Address.parse(text)
	if address == null:
		return _say("This is not an address: " + text)
	_address.text = text
	_say("")
	ann.client.join(address, "Ann")
	var relayed: Address = network.relayed(address, _say)
	if relayed != null:
		bob.client.join(relayed, "Bob")


func _close() -> void:
	ann.client.leave()
	bob.client.leave()
	network.relay.close_all()
	if room != null:
		room.close()
	room = null


func _say(text: String) -> void:
	_state.text = text
