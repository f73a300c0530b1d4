extends "res://tests/support/test_case.gd"
## Misuse prints an error; events on the network print nothing.

const EngineProcess := preload("res://tests/support/engine_process.gd")

const SILENT := ["tcp idle calls", "tcp unresolvable", "tcp bind unavailable", "tcp refused",
		"server idle calls", "server used port", "server stop", "uds bind not a socket",
		"uds listen on a directory", "uds listen"]
# The texts that the engine documents, or "" for any text.
const PRINTED := {
	"tcp get_data negative": "",
	"tcp connect port": "The remote port number must be between 1 and 65535 (inclusive).",
	"tcp bind port": "The local port number must be between 0 and 65535 (inclusive).",
	"tcp connect twice": "",
	"tcp bind when open": "",
	"server listen twice": "",
	"server bad address": "",
	"uds connect empty": "",
	"uds bind empty": "",
	"uds listen empty": "",
	"uds connect twice": "",
}


func test_errors_are_printed_for_misuse_only() -> void:
	if not EngineProcess.available():
		return skip("starting another engine is known for Linux only")
	var result := EngineProcess.run("children/error_prints.gd",
			[family.name, fresh_path().get_base_dir()])
	check_eq(result["code"], 0, "exit code")
	var parts := _parts(result["output"])
	check(parts.has("end"), "the script ran to its end:\n" + result["output"])
	for name: String in SILENT:
		if parts.has(name):
			check(not parts[name].contains("ERROR:"),
					"'%s' prints nothing, but got:\n%s" % [name, parts[name]])
	for name: String in PRINTED:
		if parts.has(name):
			check(parts[name].contains("ERROR: " + PRINTED[name]),
					"'%s' prints an error, but got:\n%s" % [name, parts[name]])


# The output after each marker.
func _parts(output: String) -> Dictionary:
	var parts := {}
	for part in output.split("== ", false).slice(1):
		var end := part.find("\n")
		parts[part.left(end)] = part.substr(end + 1)
	return parts
