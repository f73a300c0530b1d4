//! Rates from two counts of bytes, and texts for sizes and ages. Pure: does not use the editor.

/// The counts of a peer in one answer, to compare with the next answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Counts {
    /// In seconds.
    pub(super) time: f64,
    pub(super) received: i64,
    pub(super) sent: i64,
}

impl Counts {
    /// The bytes received and sent per second since `before`. A count that has become smaller has
    /// started again with a new connection.
    pub(super) fn rates(self, before: Counts) -> (f64, f64) {
        let passed = self.time - before.time;
        let rate = |now: i64, before: i64| {
            let moved = if now < before { now } else { now - before };
            if passed > 0.0 {
                moved as f64 / passed
            } else {
                0.0
            }
        };
        (
            rate(self.received, before.received),
            rate(self.sent, before.sent),
        )
    }
}

/// A number of bytes with a unit.
pub(super) fn size(bytes: f64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, bits) in units {
        let one = f64::from(1 << bits);
        if bytes >= one {
            return format!("{:.1} {unit}", bytes / one);
        }
    }
    format!("{bytes:.0} B")
}

/// A number of seconds with a unit. A negative number means unknown, and gives an empty text.
pub(super) fn age(seconds: f64) -> String {
    match seconds {
        ..0.0 => String::new(),
        ..60.0 => format!("{seconds:.1} s"),
        _ => {
            let minutes = (seconds / 60.0) as u64;
            let (hours, minutes) = (minutes / 60, minutes % 60);
            let seconds = seconds as u64 % 60;
            format!("{hours}:{minutes:02}:{seconds:02}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_from_two_counts() {
        let counts = |time, received, sent| Counts {
            time,
            received,
            sent,
        };
        let before = counts(1.0, 100, 1000);
        assert_eq!(counts(1.5, 150, 3000).rates(before), (100.0, 4000.0));
        assert_eq!(counts(1.5, 100, 1000).rates(before), (0.0, 0.0));
        assert_eq!(counts(1.0, 150, 3000).rates(before), (0.0, 0.0), "no time");
        let again = counts(2.0, 30, 2000).rates(before);
        assert_eq!(again, (30.0, 1000.0), "connected again");
    }

    #[test]
    fn sizes_and_ages_are_shown_with_units() {
        let sizes = [0.0, 1023.0, 1024.0, 1_600_000.0, 5.5e9].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "5.1 GiB"]);
        let ages = [-1.0, 0.0, 59.94, 61.0, 3600.0, 90_061.5].map(age);
        assert_eq!(
            ages,
            ["", "0.0 s", "59.9 s", "0:01:01", "1:00:00", "25:01:01"]
        );
    }
}
