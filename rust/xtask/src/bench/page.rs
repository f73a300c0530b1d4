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
nothing else to do. Goals are not tests: a run with a missed goal is no failure.

Everything goes over the loopback interface, so no network hides what a call costs. What else runs on the machine
disturbs streams and round trips most, and of these the 99th percentile: it changes from run to run. Where taskset can do
it, the two processes of a stream are kept on a core each; left to the system, they are on one or on two, which differs
by several times. Differences of a few percent mean nothing. `--json FILE` keeps all samples.
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
