//! The page `docs/benchmarks.md`.

use super::outcome::MeasuredSection;
use super::report::Machine;
use super::run::Scale;
use super::text::{HEADINGS, cells};

const HEAD: &str = "\
# Benchmarks

This page is written by `cargo xtask bench --docs`. The numbers are of one machine; yours gives others:

```sh
cargo xtask bench            # about two minutes
cargo xtask bench --quick    # less than a minute, and rougher
```
";

const REMARKS: &str = "\
## How to read them

A ratio over 1 is in our favour: the other side's time, memory or number of calls divided by ours, or our rate divided by
theirs. The numbers are medians over all rounds. In each round every side is measured once, and they take turns in going
first; a round before, which does not count, warms up. A goal is what we want of the ratio on a machine with
nothing else to do; a goal of 0.59 means that ours may take 1.7 times as long. Goals are not tests: a run with a missed
goal is no failure.

Everything goes over the loopback interface, so no network hides what a call costs. What else runs on the machine
disturbs streams and round trips most, and of these the 99th percentile: it changes from run to run. Where taskset can do
it, the two processes of a stream are kept on a core each; left to the system, they are on one or on two, which differs
by several times. Differences of a few percent mean nothing. `--json FILE` keeps all samples.

## Where a goal is out of reach

- **Reading numbers, untyped calls.** The engine pays a system call for each, and we pay Godot's way from the script to a
  method of an extension: two thirds of a typed `get_u8` (perf), and all but a fifth of an untyped one, as the row of
  `get_status` shows. The rest is 130 instructions (callgrind), two of which lock. So the ratio is as high as system calls
  are slow on the machine.
- **Writing without coalescing, blocks, round trips.** Both sides make the same system calls. Ours comes to them through
  one more call, about 15 ns, and where it has to wait, it waits for a second descriptor too, by which another thread can
  end the wait.
- **A message each.** Both sides receive it, which costs what plain Rust shows; we save the other system calls.
  Through a group, the kernel names each busy socket, and each peer is looked at twice: by the group, and when the script
  reads. If all of them are busy, that costs about what the engine's other system calls do. A group pays as soon as some are
  silent.
- **Connecting.** Three quarters are the kernel's handshake in `connect`. We make 4 system calls for a connect and its
  accept and the engine 17, which makes up for objects that take twice as long to make: measured alone, both sides are
  level. In a full run ours is slower by 10 to 25 percent. A part of that is the C library's allocator, which takes half as
  long again after what the rows before have left behind (perf), and is asked more often for our objects.
- **Memory.** An idle connection of the core takes 680 bytes. An object of an extension takes 500 more in Godot, before it
  has anything to do, and a few hundred in gdext, whose objects can be used from every thread.
";

/// The page as Markdown.
pub fn markdown(machine: &Machine, scale: Scale, sections: &[MeasuredSection]) -> String {
    let mut page = HEAD.to_owned();
    page += &format!(
        "\nMeasured on {}: {}, {} cores, {}, Godot {}, version {} of the addon in release, {} run.\n\n\
         ![What a frame costs over so many idle sockets](benchmarks.svg)\n\n{REMARKS}",
        machine.date,
        machine.processor,
        machine.cores,
        machine.system,
        machine.godot,
        env!("CARGO_PKG_VERSION"),
        scale.name(),
    );
    for section in sections {
        page += &format!(
            "\n## {}\n\n{}\n\n",
            section.section.title, section.section.how
        );
        page += &format!(
            "| {} |\n| --- | --- | --: | --: | --: | --: | --- |\n",
            HEADINGS.join(" | ")
        );
        for line in section.rows.iter().flat_map(cells) {
            page += &format!("| {} |\n", line.join(" | "));
        }
    }
    page
}
