extends "res://tests/support/test_case.gd"
## The time limit of a connect: a project setting that is read at each connect.

const TCP_SETTING := "network/limits/tcp/connect_timeout_seconds"
const UDS_SETTING := "network/limits/unix/connect_timeout_seconds"


func test_tcp_connects_time_out_after_the_project_setting() -> void:
	# A server that accepts no client. Once its backlog is full, the system silently drops further
	# attempts.
	var end := endpoint("tcp")
	var queue := fill(end)
	_gives_up(end, TCP_SETTING)
	check(not queue.is_empty(), "clients that fill the backlog")


func test_uds_connects_time_out_after_the_project_setting() -> void:
	if lacks_uds():
		return
	var end := endpoint("uds")
	var queue := fill(end)
	_gives_up(end, UDS_SETTING)
	check(not queue.is_empty(), "clients that fill the backlog")


func test_poll_retries_a_uds_server_with_a_full_backlog() -> void:
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
	reaches(late, STATUS_CONNECTED, "the connect, once the backlog has room")
	late.put_u8(77)
	for i in queue.size() - 1:
		accept(end)
	check_eq(accept(end).get_u8(), 77, "a byte")


func test_a_first_poll_after_the_time_limit_still_connects() -> void:
	var before := _set_timeout(TCP_SETTING, 0)
	var end := endpoint("tcp")
	var peer := dial(end)
	_set_timeout(TCP_SETTING, before)
	spin_until(func() -> bool: return end.server.is_connection_available(),
			"the connection to be made")
	# The time limit is over after one tick, but the connection exists by then.
	var start := Time.get_ticks_msec()
	spin_until(func() -> bool: return Time.get_ticks_msec() > start + 1, "the time to run out")
	check_eq(peer.poll(), OK, "poll")
	check_eq(peer.get_status(), STATUS_CONNECTED, "status")


func _gives_up(end: Endpoint, setting: String) -> void:
	var before := _set_timeout(setting, 1)
	# Taken before the call, which may take long on a busy machine.
	var start := Time.get_ticks_msec()
	var peer := dial(end)
	_set_timeout(setting, before)
	var errors := []
	spin_until(func() -> bool:
		errors.append(peer.poll())
		return peer.get_status() != STATUS_CONNECTING, "the connect to time out")
	var taken := Time.get_ticks_msec() - start
	check_eq(peer.get_status(), STATUS_ERROR, "status")
	check_eq(errors.pop_back(), ERR_CONNECTION_ERROR, "the last poll")
	check(errors.all(func(error: int) -> bool: return error == OK), "the polls before")
	check(taken >= 990, "timed out after %d ms" % taken)
	check(taken < System.patience(5000), "timed out after %d ms" % taken)


# Returns the previous value. The setting is changed for one connect only, so other tests are not
# affected.
func _set_timeout(setting: String, seconds: int) -> int:
	var before: int = ProjectSettings.get_setting(setting, 30)
	ProjectSettings.set_setting(setting, seconds)
	return before
