extends "res://benchmarks/row.gd"
## A lobby as users run it: each player sends a message 20 times a second, and the server, which has
## 60 frames a second, sends the world to all of them, in each frame or in every third. The
## processor time of the server's process for a frame, in microseconds.

# The results of append(), connect() and the like need no check here.
@warning_ignore_start("return_value_discarded")

const Descriptors := preload("res://benchmarks/descriptors.gd")
const LobbyGroup := preload("res://benchmarks/lobby_group.gd")
const Plain := preload("res://benchmarks/plain.gd")
const TypedScript := preload("res://benchmarks/typed_script.gd")

const PLAYERS: int = 1000
const FRAME_USEC: int = 16667
## The bytes of a player's message, and of the world.
const MESSAGE_SIZE: int = 32
const WORLD_SIZE: int = 256

## One row for each value: the number of frames between two sends of the world.
const EVERY: Array[int] = [1, 3]

const NODE_SERVER: String = ("const all = new Set(); const world = Buffer.alloc(%d);"
		+ "require('net').createServer(s => { s.setNoDelay(true); all.add(s); s.write(world);"
		+ "s.on('data', () => 0);"
		+ "for (const e of ['error', 'close']) s.on(e, () => all.delete(s)); })"
		+ ".listen(0, '127.0.0.1', function () { console.log(this.address().port); });"
		+ "let frame = 0; const begin = performance.now();"
		+ "(function next() { if (frame %% %d == 0) for (const s of all) s.write(world);"
		+ "setTimeout(next, begin + ++frame * 1000 / 60 - performance.now()); })()")

var _far: Dictionary = {}


func _init() -> void:
	names = ["lobby, the world in each frame", "lobby, the world 20 times a second"]
	sides = ["engine", "ours", "group", "node"]
	if not _is_measurable():
		sides = []
		needs = "Linux"
	elif not is_installed("node"):
		sides = ["engine", "ours", "group"]
		needs = "node"


static func all() -> Array:
	return [new()]


static func _is_measurable() -> bool:
	return _cpu_usec(OS.get_process_id()) > 0.0


func rounds() -> int:
	return scale.costly_rounds


func sample(side: String) -> PackedFloat64Array:
	if side != "node":
		return _lobby(side)
	var times: PackedFloat64Array = PackedFloat64Array()
	for every: int in EVERY:
		times.append(_node(every))
	return times


func _lobby(side: String) -> PackedFloat64Array:
	var server: Server = Server.new()
	if server.listen(family_of(side)) != OK:
		problem = "no server"
		return []
	var lobby: RefCounted
	if side == "group":
		var listener: SocketServerRs = server.listener()
		lobby = LobbyGroup.new(listener)
	else:
		lobby = TypedScript.lobby(family_of(side))
		lobby.set(&"server", server.listener())
	var count: int = _count()
	# While the players join, a byte greets them.
	lobby.set(&"world", _zeros(1))
	_begin_players(server.address())
	var deadline: int = Time.get_ticks_msec() + Server.PATIENCE_MSEC
	while lobby.call(&"players") < count:
		if Time.get_ticks_msec() > deadline:
			problem = "%s: %d of %d players" % [side, lobby.call(&"players"), count]
			_end_players()
			return []
		lobby.call(&"frame")
	lobby.set(&"world", _zeros(WORLD_SIZE))
	# The last players are greeted, and all of them begin to send.
	_frames(lobby, 10)
	lobby.set(&"received", 0)
	var times: PackedFloat64Array = PackedFloat64Array()
	for every: int in EVERY:
		lobby.set(&"every", every)
		var before: float = _cpu_usec(OS.get_process_id())
		_frames(lobby, scale.lobby_frames)
		times.append((_cpu_usec(OS.get_process_id()) - before) / scale.lobby_frames)
	if lobby.get(&"received") == 0:
		problem = "%s: no player sends anything" % side
	server.stop()
	_end_players()
	return times


# Node runs on its own; the time of its frames is known.
func _node(every: int) -> float:
	var server: Dictionary = OS.execute_with_pipe("node",
			["-e", NODE_SERVER % [WORLD_SIZE, every]])
	var process: int = server["pid"]
	var output: FileAccess = server["stdio"]
	_begin_players("tcp:127.0.0.1:" + output.get_line())
	var players: FileAccess = _far["stdio"]
	if players.get_line() != "ready":
		problem = "node: the players are not ready"
	OS.delay_usec(10 * FRAME_USEC)
	var before: float = _cpu_usec(process)
	OS.delay_usec(scale.lobby_frames * FRAME_USEC)
	var usec: float = _cpu_usec(process) - before
	OS.kill(process)
	_end_players()
	return usec / scale.lobby_frames


func _count() -> int:
	return mini(PLAYERS, mini(scale.most_sockets, Descriptors.for_sockets()))


func _begin_players(address: String) -> void:
	_far = Plain.start_with_pipe(["lobby", address, str(_count()), str(MESSAGE_SIZE)])


func _end_players() -> void:
	var process: int = _far["pid"]
	OS.kill(process)


func _zeros(size: int) -> PackedByteArray:
	var data: PackedByteArray = PackedByteArray()
	data.resize(size)
	return data


# Calls `frame` 60 times a second.
func _frames(lobby: RefCounted, count: int) -> void:
	var next: int = Time.get_ticks_usec()
	for i: int in count:
		lobby.call(&"frame")
		next += FRAME_USEC
		OS.delay_usec(maxi(0, next - Time.get_ticks_usec()))


# The time that all threads of a process have run (proc_pid_schedstat of Linux). 0 if that is not
# known.
static func _cpu_usec(process: int) -> float:
	var nanoseconds: int = 0
	var tasks: String = "/proc/%d/task" % process
	for task: String in DirAccess.get_directories_at(tasks):
		# A line, since the files of the kernel have no length.
		var file: FileAccess = FileAccess.open("%s/%s/schedstat" % [tasks, task], FileAccess.READ)
		if file != null:
			nanoseconds += file.get_line().get_slice(" ", 0).to_int()
	return nanoseconds / 1000.0
