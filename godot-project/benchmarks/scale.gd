extends RefCounted
## How much is measured: enough for good numbers, for rough numbers, or for a test that everything
## works.

# This script itself, as a type.
const Scale := preload("res://benchmarks/scale.gd")

## The samples of each row on each side.
var rounds: int = 15
## The least time of the timed parts of a sample, in microseconds.
var sample_usec: int = 10000
## The samples of streams to another process. Their speed depends on the cores of the two processes,
## so there are more and shorter samples, each with a new process.
var stream_rounds: int = 45
## The blocks of 64 KiB in a sample.
var blocks: int = 1500
## The round trips in a sample.
var trips: int = 1500
## The connections made in a sample.
var connects: int = 200
## The idle pairs whose memory is measured.
var pairs: int = 2000
## The frames of a lobby in a sample.
var lobby_frames: int = 60
## The most sockets of a row.
var most_sockets: int = 10000
## The samples of rows that need a process or thousands of connections for each sample.
var costly_rounds: int = 7


static func named(name: String) -> Scale:
	var scale: Scale = new()
	match name:
		"quick":
			scale.rounds = 5
			scale.sample_usec = 4000
			scale.stream_rounds = 11
			scale.blocks = 500
			scale.trips = 500
			scale.costly_rounds = 3
		"smoke":
			scale.rounds = 1
			scale.sample_usec = 0
			scale.stream_rounds = 1
			scale.blocks = 10
			scale.trips = 50
			scale.connects = 20
			# Fewer pairs would fit into memory that the process has already.
			scale.pairs = 1000
			scale.lobby_frames = 20
			scale.most_sockets = 100
			scale.costly_rounds = 1
	return scale
