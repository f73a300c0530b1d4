//! The outcome as text: the table for a terminal, and the page of the documentation.

use super::outcome::{MeasuredRow, MeasuredSection, Verdict, rows};
use super::table::{Comparison, Machine, Side, Unit};

/// The headings of [`cells`].
pub const HEADINGS: [&str; 7] = [
    "what",
    "compared with",
    "theirs",
    "ours",
    "ratio",
    "goal",
    "verdict",
];

/// The lines of a row: one for each comparison.
pub fn cells(measured: &MeasuredRow) -> Vec<[String; 7]> {
    let value = |side: Side| {
        measured.sides.get(&side).map_or(String::new(), |summary| {
            with_unit(summary.median, measured.row.unit)
        })
    };
    let line = |comparison: Comparison| {
        let group = if comparison.ours == Side::Group {
            ", through a group"
        } else {
            ""
        };
        [
            format!("{}{group}", measured.row.name),
            match comparison.other {
                Side::Plain => "plain Rust".into(),
                Side::Buffer => "StreamPeerBuffer".into(),
                Side::Stream => "the stream alone".into(),
                Side::Node => "Node.js".into(),
                Side::Ours | Side::Group | Side::Polled => "one by one".into(),
                Side::Engine => "engine".into(),
            },
            value(comparison.other),
            value(comparison.ours),
            measured.ratio(comparison).map_or(String::new(), number),
            comparison.goal.map_or(String::new(), number),
            verdict(measured, comparison),
        ]
    };
    measured.row.comparisons().map(line).collect()
}

/// The table for a terminal.
pub fn table(sections: &[MeasuredSection]) -> String {
    let mut lines = vec![HEADINGS.map(String::from)];
    lines.extend(rows(sections).flat_map(cells));
    let width = |column: usize| {
        let widths = lines.iter().map(|line| line[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut text = String::new();
    for line in &lines {
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            // Numbers are aligned to the right, and the verdict is last.
            text += &match column {
                0 | 1 => format!("{cell:width$}  "),
                6 => format!("{cell}\n"),
                _ => format!("{cell:>width$}  "),
            };
        }
    }
    text
}

/// The page `docs/benchmarks.md`.
pub fn page(machine: &Machine, scale: &str, sections: &[MeasuredSection]) -> String {
    let Machine {
        processor,
        cores,
        system,
        godot,
        date,
    } = machine;
    let version = env!("CARGO_PKG_VERSION");
    let measured = format!(
        "{date}: {processor}, {cores} cores, {system}, Godot {godot}, version {version} of the addon in release, \
         {scale} run"
    );
    let mut page = include_str!("page.md").replace("{MACHINE}", &measured);
    for MeasuredSection { section, rows } in sections {
        page += &format!("\n## {}\n\n{}\n\n", section.title, section.how);
        page += &format!(
            "| {} |\n| --- | --- | --: | --: | --: | --: | --- |\n",
            HEADINGS.join(" | ")
        );
        for line in rows.iter().flat_map(cells) {
            page += &format!("| {} |\n", line.join(" | "));
        }
    }
    page
}

fn verdict(measured: &MeasuredRow, comparison: Comparison) -> String {
    let word = match measured.verdict(comparison) {
        Verdict::Met => "met".into(),
        Verdict::Missed => "missed".into(),
        Verdict::NoGoal => String::new(),
        Verdict::NotMeasured => {
            format!("not measured: {}", measured.missing().unwrap_or_default())
        }
    };
    match &*measured.reported.note {
        "" => word,
        note if word.is_empty() => note.into(),
        note => format!("{word}, {note}"),
    }
}

fn with_unit(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds if value < 10_000.0 => format!("{} ns", number(value)),
        Unit::Nanoseconds => format!("{} µs", number(value / 1e3)),
        Unit::Microseconds => format!("{} µs", number(value)),
        Unit::PerSecond => format!("{} /s", number(value)),
        Unit::BytesPerSecond => format!("{} GB/s", number(value / 1e9)),
        Unit::Bytes => format!("{} bytes", number(value)),
        Unit::Calls => number(value),
    }
}

/// Three digits, or all before the point.
fn number(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(number(1.234), "1.23");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(number(12345.6), "12346");
        assert_eq!(with_unit(2.5e9, Unit::BytesPerSecond), "2.50 GB/s");
        assert_eq!(with_unit(27_033.0, Unit::Nanoseconds), "27.0 µs");
    }
}
