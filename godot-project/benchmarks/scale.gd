extends RefCounted
## How much is measured: enough for good numbers, for a quick look, or for a test that everything works.

## Samples of each row on each side.
var rounds := 15
## What the timed parts of a sample take at least, in microseconds.
var sample_usec := 10000
## Blocks of 64 KiB in a sample.
var blocks := 4000
## Round trips in a sample.
var trips := 4000
## Connections made in a sample.
var connects := 200
## Idle pairs of which the memory is measured.
var pairs := 2000
## No row has more sockets than this.
var most_sockets := 10000
## Rounds of rows that take a process or thousands of connections for each sample.
var costly_rounds := 5


static func named(name: String) -> RefCounted:
	var scale: RefCounted = new()
	match name:
		"quick":
			scale.rounds = 5
			scale.sample_usec = 4000
			scale.blocks = 1000
			scale.trips = 1000
			scale.costly_rounds = 1
		"smoke":
			scale.rounds = 1
			scale.sample_usec = 0
			scale.blocks = 10
			scale.trips = 50
			scale.connects = 20
			scale.pairs = 100
			scale.most_sockets = 100
			scale.costly_rounds = 1
	return scale
