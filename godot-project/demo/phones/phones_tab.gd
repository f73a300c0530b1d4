extends VBoxContainer
## A party game for phones: each browser that opens the page steers a dot. The example
## phone_controllers.gd is the game. This tab says which page to open, and who can open it.

# The results of connect(), append() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const LocalAddresses := preload("local_addresses.gd")
const PhoneControllers := preload("res://examples/phone_controllers.gd")

const LOOPBACK: String = "127.0.0.1"
## The close code of a server that goes away (RFC 6455, section 7.4.1).
const GOING_AWAY: int = 1001

var game: PhoneControllers = PhoneControllers.new()

@onready var _reach: OptionButton = %Reach
@onready var _url: LineEdit = %Url
@onready var _open: Button = %Open
@onready var _field: Control = %Field
@onready var _players: Label = %Players
@onready var _state: Label = %State


func _ready() -> void:
	# Phones get in only after somebody has chosen that.
	game.address = LOOPBACK
	game.port = 0
	_field.add_child(game)
	_field.resized.connect(_fit)
	_reach.item_selected.connect(
			func(item: int) -> void: serve_at(str(_reach.get_item_metadata(item))))
	_reach.get_popup().about_to_popup.connect(_list_addresses)
	_open.pressed.connect(func() -> void: OS.shell_open(url()))
	_list_addresses()
	_show_address()


func take_focus() -> void:
	_reach.grab_focus()


## The address of the page, or an empty text if the game does not listen.
func url() -> String:
	var port: int = game.server.get_local_port()
	return "" if port == 0 else "http://%s:%d/" % [game.address, port]


## Listens at [param address] instead, at the same port. All players have to join again: those in
## the network must not stay when the game is for this machine only.
func serve_at(address: String) -> void:
	var port: int = game.server.get_local_port()
	game.server.stop()
	for player: PhoneControllers.Player in game.players:
		player.socket.close(GOING_AWAY)
	game.address = address
	game.server.listen(port, address)
	_show_address()


## The visible text.
func text() -> String:
	return "\n".join([_url.text, _players.text, _state.text])


func _process(_delta: float) -> void:
	var scores: PackedStringArray = PackedStringArray()
	for player: PhoneControllers.Player in game.players:
		scores.append(str(player.score))
	_players.text = "%d of %d players" % [scores.size(), game.max_players]
	if not scores.is_empty():
		_players.text += ", with %s points" % ", ".join(scores)


## The addresses change when a network is joined or left.
func _list_addresses() -> void:
	_reach.clear()
	_add_choice("This machine only", LOOPBACK)
	for address: String in LocalAddresses.of(IP.get_local_addresses()):
		_add_choice("Phones in the network of " + address, address)
	if _reach.item_count == 1:
		_reach.add_item("Phones: this machine is in no local network")
		_reach.set_item_disabled(1, true)


func _add_choice(what: String, address: String) -> void:
	_reach.add_item(what)
	_reach.set_item_metadata(_reach.item_count - 1, address)
	if address == game.address:
		_reach.select(_reach.item_count - 1)


func _show_address() -> void:
	_url.text = url()
	if url().is_empty():
		_state.text = game.server.get_last_error_message()
	elif game.address == LOOPBACK:
		_state.text = ("Only browsers on this machine can open the page. To let phones in, choose the"
				+ " network that they share with this machine.")
	else:
		_state.text = ("Every device in this network can open the page, and nothing is encrypted. If a"
				+ " phone cannot, it is in another network, or a firewall blocks port %d."
				% game.server.get_local_port())


## Fills the field with the game.
func _fit() -> void:
	game.scale = _field.size / PhoneControllers.AREA.size
