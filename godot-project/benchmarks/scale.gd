extends RefCounted
## How much is measured: enough for good numbers, for a quick look, or for a test that everything
## works.

## Samples of each row on each side.
var rounds := 15
## What the timed parts of a sample take at least, in microseconds.
var sample_usec := 10000
## The same for streams to another process. Their speed depends on the cores that the system has put
## the two processes on, so there are more samples, each with a new process, and they are shorter.
var stream_rounds := 45
## Blocks of 64 KiB in a sample.
var blocks := 1500
## Round trips in a sample.
var trips := 1500
## Connections made in a sample.
var connects := 200
## Idle pairs of which the memory is measured.
var pairs := 2000
## No row has more sockets than this.
var most_sockets := 10000
## The same for rows that take a process or thousands of connections for each sample.
var costly_rounds := 7


static func named(name: String) -> RefCounted:
	var scale: RefCounted = new()
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
			# Fewer fit into memory that the process has already.
			scale.pairs = 1000
			scale.most_sockets = 100
			scale.costly_rounds = 1
	return scale
