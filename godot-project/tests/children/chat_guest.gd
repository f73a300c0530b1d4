extends SceneTree
## A guest of the demo's chat: joins as Bob, repeats Ann's lines, and leaves when Ann says "bye".
## Argument: the address of the room.

const Address := preload("res://demo/address.gd")
const ChatClient := preload("res://demo/chat/chat_client.gd")

var _client := ChatClient.new()


func _initialize() -> void:
	_client.received.connect(_on_received)
	_client.ended.connect(_on_ended)
	_client.join(Address.parse(OS.get_cmdline_user_args()[0]), "Bob")


func _on_received(line: String) -> void:
	if line == "Ann: bye":
		_client.leave()
	elif line.begins_with("Ann: "):
		_client.say(line.trim_prefix("Ann: "))


func _on_ended(why: String) -> void:
	quit(0 if why == "left" else 1)
