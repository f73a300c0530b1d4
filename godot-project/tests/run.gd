extends SceneTree
## Runs the tests of the addon:
## [codeblock lang=text]
## godot --headless --path godot-project --script res://tests/run.gd [-- FILTER...]
## [/codeblock]
## Every `test_*.gd` below this folder is a file of tests, every method `test_*` in it a test. Tests
## in `parity/` run once on the engine's classes and once on ours, those in `own/` and `better/` on
## ours. With filters, only tests whose line in the report matches one of them run: `bind`, or
## `test_data.gd*[ours]`.
##
## The last line is `N passed, N failed`. The exit code is 0 if nothing failed and something passed.
## A test that needs something the system lacks is reported as skipped or as passed in part, with
## the reason.
##
## The option `--defects-on-engine` runs the tests in `better/` on the engine's classes and expects
## each to fail, since they test for defects of the engine. The failures are printed, to show that
## each test fails for the right reason. With `--part=2/3`, every third of these tests runs,
## beginning with the second. The options `--root=FOLDER`, `--time-limit=SECONDS` and `--loud` are
## for the runner's own tests.

const Family := preload("res://tests/support/family.gd")
const TestCase := preload("res://tests/support/test_case.gd")
const System := preload("res://tests/support/system.gd")
const Watchdog := preload("res://tests/support/watchdog.gd")

const ROOT := "res://tests"
## Folders without tests for this runner: support code, scripts for child processes, and tests that
## need servers (`cargo xtask test --interop`).
const NOT_TESTS := ["support", "children", "interop", "photographs"]
## The time limit of a test in seconds, and how much longer it may block the main thread before the
## process is ended. Both are longer on a busy machine.
const TIME_LIMIT := 60
const GRACE := 15

var _root := ROOT
var _time_limit := TIME_LIMIT
var _defects_on_engine := false
var _filters := PackedStringArray()
var _part := 1
var _parts := 1
var _wanted_so_far := 0
var _watch: RefCounted
var _watchdog := Watchdog.new()
var _passed := 0
var _failed := 0
var _skipped := 0
var _in_part := 0
var _stuck: Array[Thread] = []


func _initialize() -> void:
	# On a busy machine, a test that works can be slow enough for a hint.
	ProjectSettings.set_setting("debug/settings/stream_sockets/hints", false)
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with("--root="):
			_root = argument.trim_prefix("--root=")
		elif argument.begins_with("--time-limit="):
			_time_limit = argument.trim_prefix("--time-limit=").to_int()
		elif argument.begins_with("--part="):
			var numbers := argument.trim_prefix("--part=").split("/")
			_part = numbers[0].to_int()
			_parts = maxi(numbers[-1].to_int(), 1)
		elif argument == "--loud":
			TestCase.loud = true
		elif argument == "--defects-on-engine":
			_defects_on_engine = true
		else:
			_filters.append("*%s*" % argument)
	if ClassDB.class_exists("Logger"):
		_watch = load("res://tests/support/error_watch.gd").new()
		OS.call("add_logger", _watch)
	_watchdog.start()
	_run_all()


func _run_all() -> void:
	# The tree is complete after the first frame, which HTTP and other consumers may require.
	await process_frame
	for path in _test_files(_root):
		if _defects_on_engine and not path.contains("/better/"):
			continue
		await _run_file(path)
	_watchdog.stop()
	if _watch != null:
		OS.call("remove_logger", _watch)
	if _skipped > 0:
		print("%d skipped" % _skipped)
	if _in_part > 0:
		print("%d passed in part" % _in_part)
	print("%d passed, %d failed" % [_passed, _failed])
	if not _stuck.is_empty():
		# Quitting would wait for these threads.
		OS.kill(OS.get_process_id())
	quit(0 if _failed == 0 and _passed > 0 else 1)


func _test_files(directory: String) -> PackedStringArray:
	var found := PackedStringArray()
	for file in DirAccess.get_files_at(directory):
		if file.begins_with("test_") and file.ends_with(".gd"):
			found.append(directory.path_join(file))
	for child in DirAccess.get_directories_at(directory):
		if not child in NOT_TESTS:
			found.append_array(_test_files(directory.path_join(child)))
	found.sort()
	return found


func _run_file(path: String) -> void:
	var file := path.trim_prefix(_root + "/")
	var script := load(path) as GDScript
	if script == null or not script.can_instantiate() or not script.new() is TestCase:
		_report(file, ["the script does not load, or does not extend the test case"], "")
		return
	var names := _test_names(script)
	if names.is_empty():
		_report(file, ["the file has no tests"], "")
	for family: RefCounted in _families_for(path):
		for test_name in names:
			var label := _label(file, test_name, family)
			if _wanted(label):
				await _run_test(script, test_name, family, label)


func _families_for(path: String) -> Array:
	if path.contains("/parity/"):
		return [Family.engine(), Family.ours()]
	if path.contains("/better/"):
		return [Family.engine() if _defects_on_engine else Family.ours()]
	return [Family.ours() if path.contains("/own/") or path.contains("/interop/") else Family.engine()]


func _label(file: String, test_name: String, family: RefCounted) -> String:
	return "%s %s [%s]" % [file, test_name, family.name]


func _wanted(label: String) -> bool:
	var matches := func(filter: String) -> bool: return label.match(filter)
	if not (_filters.is_empty() or Array(_filters).any(matches)):
		return false
	_wanted_so_far += 1
	return _wanted_so_far % _parts == _part % _parts


func _test_names(script: GDScript) -> PackedStringArray:
	var names := PackedStringArray()
	for method in script.get_script_method_list():
		var method_name: String = method["name"]
		if method_name.begins_with("test_") and not names.has(method_name):
			names.append(method_name)
	return names


func _run_test(script: GDScript, test_name: String, family: RefCounted, label: String) -> void:
	var missing: PackedStringArray = family.missing()
	if not missing.is_empty():
		_report(label, ["no such class: " + ", ".join(missing)], "")
		return
	var test: TestCase = script.new()
	test.family = family
	family.left_out = ""
	var time_limit: int = test.time_limits().get(test_name, _time_limit)
	_watchdog.expect(label, time_limit + GRACE, _passed, _failed)
	var problems := PackedStringArray()
	if not await _finishes(test, test_name, time_limit):
		problems.append("did not finish within %d s" % time_limit)
	Engine.print_error_messages = true
	_stuck.append_array(test.clean_up())
	problems.append_array(test.failures)
	if _watch != null:
		problems.append_array(_watch.take())
	if _defects_on_engine:
		return _report_defect(label, problems, test.skip_reason)
	if test.checks == 0 and test.skip_reason.is_empty() and problems.is_empty():
		problems.append("made no check")
	_report(label, problems, test.skip_reason, family.left_out)


func _finishes(test: TestCase, test_name: String, time_limit: int) -> bool:
	var state := {"done": false}
	_call_test(test, test_name, state)
	var began := Time.get_ticks_msec()
	while not state["done"] and not System.is_over(began, time_limit * 1000.0):
		# A coroutine that ended with a script error never resumes its caller.
		if _watch != null and _watch.has_any():
			break
		await process_frame
	return state["done"]


func _call_test(test: TestCase, test_name: String, state: Dictionary) -> void:
	await test.call(test_name)
	state["done"] = true


# The reverse: a failure is expected, but not a script error of the test itself.
func _report_defect(label: String, problems: PackedStringArray, skip_reason: String) -> void:
	var is_script_error := Array(problems).any(
			func(problem: String) -> bool: return problem.contains("script error: "))
	if is_script_error:
		_report(label, problems, "")
	elif problems.is_empty() and skip_reason.is_empty():
		_report(label, ["passes, although it tests for a defect of the engine"], "")
	else:
		_report(label, [], skip_reason if problems.is_empty() else "")
	for problem in problems:
		print("        " + problem)


func _report(label: String, problems: PackedStringArray, skip_reason: String,
		left_out := "") -> void:
	if not problems.is_empty():
		_failed += 1
		print("FAILED  %s" % label)
		for problem in problems:
			print("        " + problem)
	elif not skip_reason.is_empty():
		_skipped += 1
		print("skipped %s: %s" % [label, skip_reason])
	else:
		_passed += 1
		_in_part += int(not left_out.is_empty())
		print("ok      %s" % label if left_out.is_empty()
				else "ok      %s in part: %s" % [label, left_out])
