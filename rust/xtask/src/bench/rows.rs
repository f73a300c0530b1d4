//! The table: what is measured, and what we want of it. How is in `godot-project/benchmarks`, under the same names.

use serde::Serialize;

use super::report::Side;

/// Rows that are measured in the same way.
pub struct Section {
    pub title: &'static str,
    /// What one sample is, for the reader of the numbers.
    pub how: &'static str,
    pub rows: &'static [Row],
}

/// A measurement on several sides.
pub struct Row {
    pub name: &'static str,
    pub unit: Unit,
    pub comparisons: &'static [Comparison],
}

/// How many times better one side is to be than another.
#[derive(Clone, Copy)]
pub struct Comparison {
    pub ours: Side,
    pub other: Side,
    /// The least ratio that is wanted, over 1 where ours is to be better, and 1 / 1.7 where it may take 1.7 times as long;
    /// without, the ratio is only shown.
    pub goal: Option<f64>,
}

/// What the numbers of a row are.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Nanoseconds,
    Microseconds,
    PerSecond,
    BytesPerSecond,
    Bytes,
    Calls,
}

impl Unit {
    /// Whether more is better.
    pub fn is_rate(self) -> bool {
        matches!(self, Unit::PerSecond | Unit::BytesPerSecond)
    }
}

/// The sizes of the frames in the plot. Their rows are named [`idle_frame`].
pub const CROWDS: [u32; 7] = [10, 30, 100, 300, 1000, 3000, 10_000];

/// The name of the row for a frame over `sockets` idle ones.
pub fn idle_frame(sockets: u32) -> String {
    format!("idle frame, {sockets} sockets")
}

pub const TABLE: &[Section] = &[
    Section {
        title: "Calls",
        how: "One call on a connected pair with both ends in the same process, over and over. With \"typed\" the \
              variable has the class as its type, with \"untyped\" none; where neither stands, it is typed. What \
              is read has arrived before, what is written is read away after the clock has stopped. `StreamPeerBuffer` \
              is the engine's class that reads from memory, without a socket. \"Coalesced\" is with \
              `coalesce_writes`, and a `poll` after 16 messages, or after each of 32 numbers; the engine's loop is the \
              same but for the property, which it does not have.",
        rows: &[
            ns("get_status, typed", &[ENGINE]),
            ns("get_status, untyped", &[engine(0.9)]),
            ns("poll, idle", &[engine(1.9)]),
            ns(
                "get_available_bytes, typed",
                &[engine(5.0), buffer(1.0 / 2.5)],
            ),
            ns("get_available_bytes, untyped", &[engine(5.0)]),
            ns("get_u8, typed", &[engine(30.0), buffer(1.0 / 1.7)]),
            ns("get_u8, untyped", &[engine(8.0)]),
            ns("get_32, typed", &[engine(30.0), BUFFER]),
            ns("get_string", &[engine(1.25), BUFFER]),
            ns("get_var", &[engine(1.25), BUFFER]),
            ns("put_u8", &[engine(0.95)]),
            ns("put_string", &[engine(0.95)]),
            ns("put_var", &[engine(0.95)]),
            ns("put_string, coalesced", &[engine(1.5)]),
            ns("put_var, coalesced", &[engine(1.5)]),
            ns("32 small puts as one message, coalesced", &[engine(6.0)]),
            ns("poll, idle, Unix", &[ENGINE]),
            ns("get_u8, typed, Unix", &[ENGINE, BUFFER]),
        ],
    },
    Section {
        title: "Frames over many sockets",
        how: "A loop over TCP sockets that calls `poll` and `get_available_bytes` on each, and reads and answers the message \
              of 16 bytes if there is one. Through a group, it is a loop over what the group's `poll` returns, with `receive`. \
              The other ends are in another process, which sends the messages before the clock starts. \"Plain Rust\" receives \
              and answers each message, with one system call each, and does nothing else.",
        rows: &[
            us("frame over 1000 idle sockets, typed", &[engine(10.0)]),
            us("frame over 1000 idle sockets, untyped", &[ENGINE]),
            us(
                "frame over 1000 sockets with a message each",
                &[engine(3.0), plain(1.0 / 1.7), GROUP],
            ),
            us(
                "frame over 10,000 sockets, 10 with a message",
                &[ENGINE, group(200.0)],
            ),
            us("idle frame, 10 sockets", &[ENGINE, GROUP]),
            us("idle frame, 30 sockets", &[ENGINE, GROUP]),
            us("idle frame, 100 sockets", &[ENGINE, GROUP]),
            us("idle frame, 300 sockets", &[ENGINE, GROUP]),
            us("idle frame, 1000 sockets", &[ENGINE, GROUP]),
            us("idle frame, 3000 sockets", &[ENGINE, GROUP]),
            us("idle frame, 10000 sockets", &[ENGINE, GROUP]),
        ],
    },
    Section {
        title: "Streams",
        how: "The other end is a Rust program of its own, on the standard library's blocking sockets. \"Plain Rust\" is \
              the same program in Godot's place. Blocks are read with `get_data` and written with `put_data`; sending \
              ends when the other side has received everything. A round trip is 32 bytes there and back.",
        rows: &[
            speed("64 KiB blocks, receive", &[engine(1.0), plain(0.9)]),
            speed("64 KiB blocks, send", &[engine(1.0), plain(0.9)]),
            speed("64 KiB blocks, receive, Unix", &[engine(0.97), PLAIN]),
            speed("64 KiB blocks, send, Unix", &[engine(0.97), PLAIN]),
            us("round trip, p50", &[engine(1.0), plain(0.7)]),
            us("round trip, p99", &[engine(1.0), plain(0.7)]),
            us("round trip, p50, Unix", &[ENGINE, PLAIN]),
            us("round trip, p99, Unix", &[ENGINE, PLAIN]),
        ],
    },
    Section {
        title: "Packets",
        how: "Packets with a length of 4 bytes, the engine's `PacketPeerStream` over its peers and `PacketPeerSocketRs` over \
              ours. The small ones have arrived before the clock starts, and are taken as long as \
              `get_available_packet_count` says there are any. The large one is put by another thread, and taken as soon \
              as it is there. In the chat each of 500 members says a line, which is sent to all of them: in plain GDScript \
              with `read_line` and `put_data` on each peer, and through a group with `broadcast`. `redis-benchmark` has 500 \
              connections to a server that answers PING, in a loop over its peers or in a handler of a group's signal. It is \
              left out where the program is not installed, and so is Node.js.",
        rows: &[
            us("1000 packets of 16 bytes, in one receive", &[engine(5.0)]),
            speed("a packet of 8 MiB", &[engine(1.0)]),
            us(
                "chat frame, 500 members who all say a line",
                &[compare(Side::Group, Side::Ours, Some(3.0))],
            ),
            rate(
                "redis-benchmark, 500 connections",
                &[
                    ENGINE,
                    compare(Side::Group, Side::Ours, Some(1.0)),
                    compare(Side::Group, Side::Node, Some(1.5)),
                ],
            ),
        ],
    },
    Section {
        title: "Connections",
        how: "Connecting and accepting one after the other with both ends in the same process; closing is not timed. \
              The memory is what the process grows by for a pair that has sent nothing, peers and servers of the same \
              family, measured in a process of its own. It does not include what the kernel needs.",
        rows: &[
            rate("connect and accept", &[engine(1.0)]),
            bytes("memory of an idle pair", &[engine(0.75)]),
        ],
    },
    Section {
        title: "System calls",
        how: "How many system calls a small message takes, counted with strace. Coalesced writes are polled after 16 \
              messages.",
        rows: &[
            calls("system calls of get_string", &[engine(2.0)]),
            calls("system calls of get_var", &[engine(2.0)]),
            calls("system calls of put_string, coalesced", &[engine(2.0)]),
            calls("system calls of put_var, coalesced", &[engine(2.0)]),
        ],
    },
];

const ENGINE: Comparison = compare(Side::Ours, Side::Engine, None);
const PLAIN: Comparison = compare(Side::Ours, Side::Plain, None);
const BUFFER: Comparison = compare(Side::Ours, Side::Buffer, None);
const GROUP: Comparison = compare(Side::Group, Side::Engine, None);

const fn engine(goal: f64) -> Comparison {
    compare(Side::Ours, Side::Engine, Some(goal))
}

const fn plain(goal: f64) -> Comparison {
    compare(Side::Ours, Side::Plain, Some(goal))
}

const fn buffer(goal: f64) -> Comparison {
    compare(Side::Ours, Side::Buffer, Some(goal))
}

const fn group(goal: f64) -> Comparison {
    compare(Side::Group, Side::Engine, Some(goal))
}

const fn compare(ours: Side, other: Side, goal: Option<f64>) -> Comparison {
    Comparison { ours, other, goal }
}

const fn ns(name: &'static str, comparisons: &'static [Comparison]) -> Row {
    row(name, Unit::Nanoseconds, comparisons)
}

const fn us(name: &'static str, comparisons: &'static [Comparison]) -> Row {
    row(name, Unit::Microseconds, comparisons)
}

const fn rate(name: &'static str, comparisons: &'static [Comparison]) -> Row {
    row(name, Unit::PerSecond, comparisons)
}

const fn speed(name: &'static str, comparisons: &'static [Comparison]) -> Row {
    row(name, Unit::BytesPerSecond, comparisons)
}

const fn bytes(name: &'static str, comparisons: &'static [Comparison]) -> Row {
    row(name, Unit::Bytes, comparisons)
}

const fn calls(name: &'static str, comparisons: &'static [Comparison]) -> Row {
    row(name, Unit::Calls, comparisons)
}

const fn row(name: &'static str, unit: Unit, comparisons: &'static [Comparison]) -> Row {
    Row {
        name,
        unit,
        comparisons,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_rows_of_the_plot() {
        for sockets in CROWDS {
            let name = idle_frame(sockets);
            let mut rows = TABLE.iter().flat_map(|section| section.rows);
            assert!(rows.any(|row| row.name == name), "{name}");
        }
    }
}
