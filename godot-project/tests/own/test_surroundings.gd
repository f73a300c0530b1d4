extends "res://tests/support/test_case.gd"
## Tests in a system that is busy, full, locked or incomplete.

const EngineProcess := preload("res://tests/support/engine_process.gd")

## Host names from hosts files, containers and search domains.
const ODD_NAMES := ["3dprinter", "4b2c557fd0ad", "web.1", "1and1", "2-cool", "my_host",
		"123456789012"]

## A script that hides /proc in a mount namespace of its own, and then runs the command that
## follows.
const WITHOUT_PROC := "mount -t tmpfs none /proc && exec \"$@\"\n"


func test_odd_host_names_are_looked_up() -> void:
	var environment := {}
	if EngineProcess.available():
		environment = EngineProcess.resolver(fresh_path().get_base_dir())
	if environment.is_empty():
		return skip("preloading a resolver needs Linux and a C compiler")
	environment["ODD_NAMES"] = ",".join(PackedStringArray(ODD_NAMES)) + ","
	var end := endpoint("tcp")
	var arguments := PackedStringArray(["ours", str(end.port)])
	arguments.append_array(PackedStringArray(ODD_NAMES))
	var result := EngineProcess.run("children/connect_to_names.gd", arguments, environment)
	for name: String in ODD_NAMES:
		var lines: PackedStringArray = result["output"].split("\n")
		var of_name := Array(lines).filter(
				func(line: String) -> bool: return line.begins_with(name + " "))
		check(of_name.size() == 1 and of_name[0].ends_with(" 2 127.0.0.1"),
				"%s in: %s" % [name, result["output"]])
		check_eq(SocketRelayRs.new().set_target_host(name, 80), OK, "target " + name)


func test_short_and_octal_addresses_are_resolved() -> void:
	var end := endpoint("tcp")
	for host: String in ["127.1", "127.0.1", "2130706433", "0x7f.1", "127.0.0.001"]:
		end.host = host
		var peer := dial(end)
		check_eq(peer.get_connected_host(), LOOPBACK, "host of " + host)
		settle(peer)
		check_eq(peer.get_status(), STATUS_CONNECTED, host)
		check_eq(SocketRelayRs.new().set_target_host(host, 80), OK, "target " + host)


func test_malformed_host_names_are_refused_at_once() -> void:
	for host: String in ["", "256.1.1.1", "[::1]", "a b", "a..b", ".", "*", "x".repeat(64),
			"x.".repeat(130) + "x"]:
		var peer := StreamPeerTCPRs.new()
		check_eq(peer.connect_to_host(host, 80), ERR_CANT_RESOLVE, "connect to '%s'" % host)
		check_eq(peer.get_status(), STATUS_NONE, "status after '%s'" % host)
		var set_target := func() -> int: return SocketRelayRs.new().set_target_host(host, 80)
		check_eq(quietly(set_target), ERR_INVALID_PARAMETER, "target '%s'" % host)


## The server listens on only one of the name's two addresses, which is not tried before the long
## frame.
func test_a_long_frame_does_not_time_out_a_connect() -> void:
	var end := endpoint("tcp")
	end.host = "localhost"
	for seconds: float in [0.1, 0.3]:
		var peer := StreamPeerTCPRs.new()
		peer.connect_timeout = seconds
		check_eq(end.connect_peer(peer), OK, "connect_to_host")
		OS.delay_msec(700)
		settle(peer)
		check_eq(peer.get_status(), STATUS_CONNECTED,
				"status after a frame of 0.7 s and a limit of %s s" % seconds)


## A relay does not connect to its target during the long frame.
func test_a_long_frame_does_not_time_out_a_relay() -> void:
	var setting := "network/limits/tcp/connect_timeout_seconds"
	var before: int = ProjectSettings.get_setting(setting, 30)
	var end := endpoint("tcp")
	var relay := SocketRelayRs.new()
	ProjectSettings.set_setting(setting, 1)
	check_eq(relay.set_target_host("localhost", end.port), OK, "set_target_host")
	ProjectSettings.set_setting(setting, before)
	relay.listen(0, LOOPBACK)
	var client := StreamPeerTCPRs.new()
	client.connect_to_host(LOOPBACK, relay.get_local_port())
	settle(client)
	spin_until(func() -> bool: return relay.poll() == OK and relay.get_link_count() == 1,
			"the relay to take the client")
	OS.delay_msec(1300)
	spin_until(func() -> bool: return relay.poll() == OK and end.server.is_connection_available(),
			"the target to be reached")


func test_listen_and_bind_work_in_a_locked_folder() -> void:
	if lacks_uds():
		return
	if not OS.has_feature("linux") or OS.execute("flock", ["--version"]) != 0:
		return skip("locking a folder needs Linux and flock")
	var path := fresh_path()
	var folder := path.get_base_dir()
	var locker := OS.create_process("flock", ["--shared", folder, "sleep", "20"])
	spin_until(func() -> bool: return OS.execute("flock", ["--nonblock", folder, "true"]) != 0,
			"the lock")
	check_eq(UDSServerRs.new().listen(path), OK, "listen")
	check_eq(StreamPeerUDSRs.new().bind(fresh_path()), OK, "bind")
	OS.kill(locker)


func test_closed_peers_free_their_descriptors_although_the_server_never_closes() -> void:
	if not EngineProcess.available() or OS.execute("prlimit", ["--version"]) != 0:
		return skip("this needs Linux and prlimit")
	var end := endpoint("tcp")
	var kept: Array[StreamPeer] = []
	var is_over := [false]
	var server := in_thread(func() -> void:
		while not is_over[0]:
			if end.server.is_connection_available():
				kept.append(end.server.take_connection())
			else:
				OS.delay_usec(200))
	var result := EngineProcess.run("children/few_descriptors.gd", [str(end.port), "200"], {}, 128)
	is_over[0] = true
	join(server, "the server")
	for line: String in ["failed 0\n", "a file true\n", "listen 0\n"]:
		check(result["output"].contains(line), "'%s' in: %s" % [line, result["output"]])


func test_socket_mode_works_without_proc() -> void:
	if lacks_uds():
		return
	# The engine passes commands to a shell, which would change the text of the script.
	var script := fresh_path("without_proc.sh")
	FileAccess.open(script, FileAccess.WRITE).store_string(WITHOUT_PROC)
	var unshare := PackedStringArray(["unshare", "--map-root-user", "--mount", "sh", script])
	if (not EngineProcess.available()
			or OS.execute("unshare", unshare.slice(1) + PackedStringArray(["true"])) != 0):
		return skip("this process may not mount file systems")
	var folder := script.get_base_dir()
	var result := EngineProcess.run("children/listen_with_modes.gd", [folder], {}, 0, unshare)
	var output: String = result["output"]
	check(output.contains("proc false\n"), output)
	check(output.contains("mode -1: 0, "), output)
	check(output.contains("mode 384: 0, 384 \n"), output)
	# Before Linux 6.6 this requires /proc, as the error message says.
	check(output.contains("mode 511: 0, 511 \n") or output.contains("requires /proc"), output)
