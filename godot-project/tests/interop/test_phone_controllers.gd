extends "res://tests/support/test_case.gd"
## `examples/phone_controllers.gd` with two pages in Chromium.

const PhoneControllers := preload("res://examples/phone_controllers.gd")
const Tool := preload("res://tests/interop/tool.gd")


func test_keys_in_two_browser_pages_steer_two_dots() -> void:
	var chromium := OS.get_environment("INTEROP_TOOLS").path_join("chromium")
	if not exists(chromium):
		return skip("Chromium cannot be had here")
	var game := PhoneControllers.new()
	game.port = 0
	(Engine.get_main_loop() as SceneTree).root.add_child(game)
	var url := "http://127.0.0.1:%d/" % game.server.get_local_port()
	var picture := fresh_path("page.png")
	var pages := Tool.start("python-web", [Tool.script("two_phones.py"), chromium, url, picture])
	if not check_eq(await _line(pages), "ready", "two pages"):
		pages.stop()
		return game.free()
	check_eq(game.players.size(), 2, "two dots")
	check_eq(await _line(pages), "steered", "keys")
	await until(func() -> bool:
		return (game.players[0].velocity.is_equal_approx(Vector2(300.0, 0.0))
				and game.players[1].velocity.is_equal_approx(Vector2(0.0, -300.0))), "the dots to move")
	var area := PhoneControllers.AREA
	await until(func() -> bool:
		return (game.players[0].position.x == area.end.x
				and game.players[1].position.y == area.position.y), "the dots to reach the edges")
	# The next coin appears at a random place. It must not be that of a dot.
	seed(22)
	game.coin = game.players[0].position
	pages.put_line("go on")
	check_eq(JSON.parse_string(await _line(pages)), ["1", "0"], "the scores that the pages show")
	check(FileAccess.get_file_as_bytes(picture).size() > 1000, "a photograph of a page")
	check_eq(await _line(pages), "", "the end of the program")
	game.free()


## The next line of a program while the game runs.
func _line(program: RefCounted) -> String:
	var thread := in_thread(func() -> String: return program.line())
	await until(func() -> bool: return not thread.is_alive(), "a line", 60.0)
	return str(join(thread, "the program"))
