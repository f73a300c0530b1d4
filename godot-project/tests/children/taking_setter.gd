extends RefCounted
## An object whose setter takes packets while the object is decoded from a packet.

static var from: Array = []
static var is_taking := false

@export var text := "":
	set(value):
		text = value
		if is_taking:
			for packets: PacketPeerSocketRs in from:
				packets.get_packet()
				packets.get_packet()

@export var after := ""
