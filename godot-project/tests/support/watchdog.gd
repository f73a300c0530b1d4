extends RefCounted
## Ends the process when a test blocks the main thread for too long, which a time limit on the main
## thread could not notice.

const System := preload("res://tests/support/system.gd")

var _mutex := Mutex.new()
var _thread := Thread.new()
var _stop := Semaphore.new()
var _label := ""
var _began_msec := 0
var _limit_msec := 0
var _passed := 0
var _failed := 0


func start() -> void:
	_thread.start(_watch)


func stop() -> void:
	_stop.post()
	_thread.wait_to_finish()


## Gives the test `label` a time limit in seconds from now, more on a busy machine.
func expect(label: String, seconds: float, passed: int, failed: int) -> void:
	_mutex.lock()
	_label = label
	_began_msec = Time.get_ticks_msec()
	_limit_msec = int(seconds * 1000)
	_passed = passed
	_failed = failed
	_mutex.unlock()


func _watch() -> void:
	while not _stop.try_wait():
		_mutex.lock()
		var late := _began_msec > 0 and System.is_over(_began_msec, _limit_msec)
		_mutex.unlock()
		if late:
			print("FAILED  %s\n        blocked the main thread; the run ends here" % _label)
			print("%d passed, %d failed" % [_passed, _failed + 1])
			OS.kill(OS.get_process_id())
		OS.delay_msec(50)
