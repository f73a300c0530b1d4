extends "res://tests/situations/situation.gd"
## Connects by names. The arguments are names that /etc/hosts has for 127.0.0.1, or other spellings of an address.


## A case for each.
func each() -> void:
	var server := listening_tcp("*")
	for host in arguments:
		var peer: StreamPeer = family.tcp_peer()
		report(host, connects(peer, peer.call.bind("connect_to_host", host, server.call("get_local_port")), 8.0))


## The same with a relay of ours.
func relayed() -> void:
	var server := listening_tcp("*")
	for host in arguments:
		var peer: StreamPeer = family.tcp_peer()
		var port: int = server.call("get_local_port")
		if is_ours():
			var relay: Object = ClassDB.instantiate("SocketRelayRs")
			if relay.call("set_target_host", host, port) != OK:
				report(host, "target: " + reason(relay, FAILED))
				continue
			relay.call("listen", 0, "127.0.0.1")
			port = relay.call("get_local_port")
			connects(peer, peer.call.bind("connect_to_host", "127.0.0.1", port))
			var arrives := func() -> bool:
				relay.call("poll")
				return server.call("is_connection_available")
			report(host, "" if until(arrives) else "pending: nothing arrives")
			server.call("take_connection")
		else:
			report(host, connects(peer, peer.call.bind("connect_to_host", host, port), 8.0))
			server.call("take_connection")


## A case for each name that the server in dns.gd answers in its own way.
func looked_up() -> void:
	ProjectSettings.set_setting("network/limits/tcp/connect_timeout_seconds", 3)
	var dns := preload("res://tests/situations/dns.gd").new()
	if not dns.start():
		push_error("port 53 is not free")
		return
	var server := listening_tcp()
	for host in arguments:
		var peer: StreamPeer = family.tcp_peer()
		report(host, connects(peer, peer.call.bind("connect_to_host", family.name + "." + host, server.call("get_local_port")), 12.0))
	dns.stop()


## A name whose server has another address the second time.
func moved() -> void:
	ProjectSettings.set_setting("network/limits/tcp/connect_timeout_seconds", 3)
	var dns := preload("res://tests/situations/dns.gd").new()
	if not dns.start():
		push_error("port 53 is not free")
		return
	var failure := ""
	for address: String in ["127.0.0.1", "127.0.0.2"]:
		dns.address = address
		var server := listening_tcp(address)
		var peer: StreamPeer = family.tcp_peer()
		failure = connects(peer, peer.call.bind("connect_to_host", family.name + ".moved", server.call("get_local_port")), 8.0)
	report("an address that changes", failure)
	dns.stop()


## A lookup that hangs does not hold up others, nor a disconnect, nor the end of the object.
func abandoned() -> void:
	var dns := preload("res://tests/situations/dns.gd").new()
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
	var peer: StreamPeer = family.tcp_peer()
	report("after 20 that were let go", connects(peer, peer.call.bind("connect_to_host", family.name + ".good", server.call("get_local_port")), 8.0))
	dns.stop()
