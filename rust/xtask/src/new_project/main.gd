extends Node
## Gets a file of the project from a web server in the same process. Then it sends a line to another
## server, prints what arrives there, and quits. Before that, it checks what differs in an exported
## game.

const REQUEST := "GET /page.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"

var web := HTTPServerRs.new()
var browser := StreamPeerTCPRs.new()
var answer := ""
var server := TCPServerRs.new()
var client := StreamPeerTCPRs.new()
var accepted: StreamPeerTCPRs
var frames := 0


func _ready() -> void:
	if Performance.has_custom_monitor("Sockets/Connects") != OS.is_debug_build():
		print("there are monitors in a release build, or none in a debug build")
		get_tree().quit(1)
		return
	if OS.has_feature("template") and not _refuses_the_project_folder():
		print("a socket may be in the folder of a project that has none")
		get_tree().quit(1)
		return
	web.serve_files("/", "res://web")
	var error := web.listen(0)
	if error == OK:
		error = browser.connect_to_host("127.0.0.1", web.get_local_port())
	if error == OK:
		error = server.listen(0, "127.0.0.1")
	if error == OK:
		error = client.connect_to_host("127.0.0.1", server.get_local_port())
	if error != OK:
		print("could not connect: ", error_string(error))
		get_tree().quit(1)
		return
	browser.connect_finished.connect(func(_error: Error) -> void:
		browser.put_data(REQUEST.to_utf8_buffer()))


func _process(_delta: float) -> void:
	frames += 1
	web.poll()
	browser.poll()
	answer += browser.get_utf8_string(browser.get_available_bytes())
	client.poll()
	if client.get_status() == StreamPeerTCPRs.STATUS_CONNECTED:
		var has_file := answer.ends_with("a page of the game\n")
		if accepted == null and has_file and server.is_connection_available():
			accepted = server.take_connection()
			client.put_data("hello\n".to_utf8_buffer())
	if accepted != null:
		accepted.poll()
		# Null as long as there is no whole line.
		var line: Variant = accepted.read_line()
		if line != null:
			print("received: ", line)
			get_tree().quit()
	if frames > 1000:
		print("no line was received; the answer to the request: ", answer)
		get_tree().quit(1)


func _refuses_the_project_folder() -> bool:
	var peer := StreamPeerUDSRs.new()
	Engine.print_error_messages = false
	var error := peer.connect_to_host("res://game.sock")
	Engine.print_error_messages = true
	return error == ERR_INVALID_PARAMETER
