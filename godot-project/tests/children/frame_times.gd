extends SceneTree
## The frame times of a scene at 60 frames per second that connects to a name whose lookup hangs,
## writes 64 MiB to a peer that does not read, and awaits bytes that never arrive. Prints a
## histogram of these times beside those of the idle scene. To run it in the repository's top
## folder:
## [codeblock lang=text]
## cc -shared -fPIC -o target/resolver.so godot-project/tests/children/resolver.c -ldl
## LD_PRELOAD=$PWD/target/resolver.so cargo xtask godot --release -- --headless \
##     --path godot-project --script res://tests/children/frame_times.gd
## [/codeblock]
## Argument: the number of frames to measure, idle and busy; 600 by default.

const SocketAwait := preload("res://addons/stream_peer_socket_rs/socket_await.gd")

const FRAMES_PER_SECOND := 60
const TOTAL := 64 << 20
const BLOCK := 1 << 20

var _resolving := StreamPeerTCPRs.new()
var _writer := StreamPeerTCPRs.new()
var _reader := StreamPeerTCPRs.new()
var _server := TCPServerRs.new()
var _silent: Array[StreamPeerTCPRs] = []
var _block := PackedByteArray()
var _put := 0
var _refused := 0
var _got: SocketAwait.Result


func _initialize() -> void:
	Engine.max_fps = FRAMES_PER_SECOND
	_block.resize(BLOCK)
	_run()


func _run() -> void:
	var arguments := OS.get_cmdline_user_args()
	var frames := arguments[0].to_int() if not arguments.is_empty() else 600
	# The first frames take longer for other reasons.
	for i in 30:
		await process_frame
	var idle := await _measure(frames, func() -> void: pass)
	await _set_up()
	var busy := await _measure(frames, _write)
	_print_histogram(idle, busy)
	print("%d frames idle, %d frames busy" % [idle.size(), busy.size()])
	print("the lookup hangs: %s" % (_resolving.get_status() == StreamPeerTCPRs.STATUS_CONNECTING))
	print("put %d MiB, refused %d times, %d MiB still queued"
			% [_put >> 20, _refused, _writer.get_pending_write_bytes() >> 20])
	print("the await is in progress: %s" % (_got == null))
	# An await in progress when the engine quits counts as a leak.
	_reader.disconnect_from_host()
	while _got == null:
		await process_frame
	quit()


func _set_up() -> void:
	_server.listen(0, "127.0.0.1")
	for peer: StreamPeerTCPRs in [_writer, _reader]:
		peer.auto_poll = true
		peer.connect_to_host("127.0.0.1", _server.get_local_port())
		await peer.connect_finished
		_silent.append(_server.take_connection())
	_writer.write_buffer_limit = TOTAL
	_resolving.auto_poll = true
	_resolving.connect_timeout = 60.0
	_resolving.connect_to_host("hang.test", 80)
	_await_bytes()


func _await_bytes() -> void:
	_got = await SocketAwait.bytes(_reader, 100, 3600.0)


func _write() -> void:
	if _put < TOTAL:
		if _writer.put_data(_block) == OK:
			_put += BLOCK
		else:
			_refused += 1


# Calls `body` in each of `frames` frames, and returns the times between frames in milliseconds.
func _measure(frames: int, body: Callable) -> PackedFloat64Array:
	var times := PackedFloat64Array()
	await process_frame
	var last := Time.get_ticks_usec()
	for i in frames:
		body.call()
		await process_frame
		var now := Time.get_ticks_usec()
		times.append((now - last) / 1000.0)
		last = now
	return times


func _print_histogram(idle: PackedFloat64Array, busy: PackedFloat64Array) -> void:
	idle.sort()
	busy.sort()
	print("ms per frame     idle     busy")
	for ms in range(int(minf(idle[0], busy[0])), int(maxf(idle[-1], busy[-1])) + 1):
		var counts := [_count(idle, ms), _count(busy, ms)]
		if counts != [0, 0]:
			print("%3d to %3d     %8d %8d" % [ms, ms + 1, counts[0], counts[1]])
	for share: float in [0.5, 0.99, 1.0]:
		var index := int((idle.size() - 1) * share)
		print("%-13s %8.2f %8.2f"
				% ["longest" if share == 1.0 else "%d %%" % int(share * 100.0), idle[index], busy[index]])


func _count(times: PackedFloat64Array, ms: int) -> int:
	return Array(times).filter(func(time: float) -> bool: return int(time) == ms).size()
