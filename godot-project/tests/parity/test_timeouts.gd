extends "res://tests/support/test_case.gd"
## How long a connect may take: a project setting, read at each connect.

const TCP_SETTING := "network/limits/tcp/connect_timeout_seconds"
const UDS_SETTING := "network/limits/unix/connect_timeout_seconds"


func test_tcp_gives_up_after_the_time_in_the_project_settings() -> void:
	# A server that takes nobody: once its queue is full, the system drops further attempts without a
	# word.
	var end := endpoint("tcp")
	var queue := fill(end)
	_gives_up(end, TCP_SETTING)
	check(not queue.is_empty(), "some clients got into the queue")


func test_uds_gives_up_after_the_time_in_the_project_settings() -> void:
	if lacks_uds():
		return
	var end := endpoint("uds")
	var queue := fill(end)
	_gives_up(end, UDS_SETTING)
	check(not queue.is_empty(), "some clients got into the queue")


func test_a_full_uds_server_is_tried_again_by_poll() -> void:
	if lacks_uds():
		return
	var end := endpoint("uds")
	var queue := fill(end)
	var late: StreamPeer = queue.pop_back()
	check_eq(late.get_status(), STATUS_CONNECTING, "status while the queue is full")
	for i in 3:
		check_eq(late.poll(), OK, "poll while the queue is full")
	check_eq(late.get_status(), STATUS_CONNECTING, "status after some polls")
	check_eq(late.put_data([1]), FAILED, "put_data while connecting")
	accept(end)
	reaches(late, STATUS_CONNECTED, "a place in the queue")
	late.put_u8(77)
	for i in queue.size() - 1:
		accept(end)
	check_eq(accept(end).get_u8(), 77, "a byte")


func test_a_late_first_poll_still_connects() -> void:
	var before := _set_timeout(TCP_SETTING, 0)
	var end := endpoint("tcp")
	var peer := dial(end)
	_set_timeout(TCP_SETTING, before)
	spin_until(func() -> bool: return end.server.is_connection_available(),
			"the connection to be made")
	# The time ran out with the first tick; the connection had been made by then.
	var start := Time.get_ticks_msec()
	spin_until(func() -> bool: return Time.get_ticks_msec() > start + 1, "the time to run out")
	check_eq(peer.poll(), OK, "poll")
	check_eq(peer.get_status(), STATUS_CONNECTED, "status")


func _gives_up(end: Endpoint, setting: String) -> void:
	var before := _set_timeout(setting, 1)
	# Before the call: a busy machine may take a while to come back from it.
	var start := Time.get_ticks_msec()
	var peer := dial(end)
	_set_timeout(setting, before)
	var errors := []
	spin_until(func() -> bool:
		errors.append(peer.poll())
		return peer.get_status() != STATUS_CONNECTING, "the connect to be given up")
	var taken := Time.get_ticks_msec() - start
	check_eq(peer.get_status(), STATUS_ERROR, "status")
	check_eq(errors.pop_back(), ERR_CONNECTION_ERROR, "the last poll")
	check(errors.all(func(error: int) -> bool: return error == OK), "the polls before")
	check(taken >= 990, "not given up early, but after %d ms" % taken)
	check(taken < 5000, "given up in time, not after %d ms" % taken)


# Returns what the setting was. Setting it for one connect only keeps other tests out of it.
func _set_timeout(setting: String, seconds: int) -> int:
	var before: int = ProjectSettings.get_setting(setting, 30)
	ProjectSettings.set_setting(setting, seconds)
	return before
