extends "res://tests/support/test_case.gd"
## The remote control in `examples/` with mpv: lines of JSON over a Unix domain socket.

const MpvRemote := preload("res://examples/mpv_remote.gd")


func test_mpv_remote_controls_mpv() -> void:
	var mpv := MpvRemote.new()
	var events := []
	mpv.happened.connect(func(event: Dictionary) -> void: events.append(event))
	check_eq(await mpv.connect_to_path(OS.get_environment("INTEROP_MPV_PATH")), OK, "connect")
	check(str(await mpv.command(["get_property", "mpv-version"])).begins_with("mpv"),
			"version: " + mpv.outcome)
	for volume: float in [10.0, 55.5]:
		await mpv.command(["set_property", "volume", volume])
		check_eq(mpv.outcome, "success", "set_property")
		check_eq(await mpv.command(["get_property", "volume"]), volume, "volume")
	check_null(await mpv.command(["nonsense"]), "an unknown command")
	check_eq(mpv.outcome, "invalid parameter", "its outcome")
	await mpv.command(["observe_property", 1, "volume"])
	await mpv.command(["set_property", "volume", 20])
	await until(func() -> bool:
		return events.any(func(event: Dictionary) -> bool:
			return event.event == "property-change" and event.get("data") == 20.0), "the event")
	mpv.close()
