extends "res://tests/situations/situation.gd"
## Connects to host names. The arguments are names of 127.0.0.1 in /etc/hosts, or other spellings of
## the address.

const DNS := preload("res://tests/situations/dns.gd")


## A case for each name.
func each() -> void:
	var server := listening_tcp("*")
	for host in arguments:
		_connect(server, host, host)


## The same with one of our relays, which connects to the name.
func relayed() -> void:
	var server := listening_tcp("*")
	for host in arguments:
		if is_ours():
			report(host, _relays(server, host))
			server.call("take_connection")
		else:
			_connect(server, host, host)


func _connect(server: RefCounted, host: String, case: String, seconds := PATIENCE) -> void:
	var peer: StreamPeer = family.tcp_peer()
	report(case,
			connects(peer, peer.call.bind("connect_to_host", host, server.call("get_local_port")), seconds))
	server.call("take_connection")


func _relays(server: RefCounted, host: String) -> String:
	var relay: Object = ClassDB.instantiate("SocketRelayRs")
	if relay.call("set_target_host", host, server.call("get_local_port")) != OK:
		return "target: " + reason(relay, FAILED)
	var error: int = relay.call("listen", 0, "127.0.0.1")
	if error != OK:
		return "listen: " + reason(relay, error)
	var peer: StreamPeer = family.tcp_peer()
	var failure := connects(peer,
			peer.call.bind("connect_to_host", "127.0.0.1", relay.call("get_local_port")))
	if not failure.is_empty():
		return "connect: " + failure
	var arrives := func() -> bool:
		relay.call("poll")
		peer.call("poll")
		var has_ended: bool = peer.call("get_status") != StreamPeerTCP.STATUS_CONNECTED
		return has_ended or server.call("is_connection_available")
	if not until(arrives):
		return "pending: nothing arrives"
	return "" if server.call("is_connection_available") else "the relay ends the connection"


## A case for each kind of answer of the server in dns.gd.
func looked_up() -> void:
	# Longer than the system's resolver takes with any of these servers: up to three seconds.
	ProjectSettings.set_setting("network/limits/tcp/connect_timeout_seconds", 10)
	var dns := DNS.new()
	if not dns.start():
		push_error("port 53 is not free")
		return
	var server := listening_tcp()
	for host in arguments:
		_connect(server, family.name + "." + host, host, 12.0)
	dns.stop()


## A name that has another address at the second lookup.
func moved() -> void:
	ProjectSettings.set_setting("network/limits/tcp/connect_timeout_seconds", 3)
	var dns := DNS.new()
	if not dns.start():
		push_error("port 53 is not free")
		return
	var failure := ""
	for address: String in ["127.0.0.1", "127.0.0.2"]:
		dns.address = address
		var server := listening_tcp(address)
		var peer: StreamPeer = family.tcp_peer()
		failure = connects(peer,
				peer.call.bind("connect_to_host", family.name + ".moved", server.call("get_local_port")), 8.0)
	report("an address that changes", failure)
	dns.stop()


## A lookup that hangs must not delay other lookups, a disconnect, or freeing the object.
func abandoned() -> void:
	var dns := DNS.new()
	if not dns.start():
		push_error("port 53 is not free")
		return
	var server := listening_tcp()
	for index in 20:
		var peer: StreamPeer = family.tcp_peer()
		prompt(peer.call.bind("connect_to_host", "%s%d.silent" % [family.name, index], 9))
		prompt(peer.call.bind("disconnect_from_host"))
		if _longest > FROZEN:
			break
	_connect(server, family.name + ".good", "a lookup after 20 that were let go", 8.0)
	dns.stop()
