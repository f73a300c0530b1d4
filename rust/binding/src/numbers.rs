//! Numbers as scripts give them: counts, and times in seconds. The error of a number that is not
//! valid is the message for the script; `name` is the property or the call.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The largest number that fits the 32-bit `int` of Godot or of the kernel.
const MAX_INT: i64 = i32::MAX as i64;

/// Counts of bytes that fit an `int`.
pub(crate) const INT_SIZES: RangeInclusive<i64> = 0..=MAX_INT;

/// The same without 0.
pub(crate) const POSITIVE_INT_SIZES: RangeInclusive<i64> = 1..=MAX_INT;

/// The shortest time limit.
const TINY: Duration = Duration::from_nanos(1);

/// A count, which must not be negative. A count that the address space cannot hold becomes the
/// largest one.
pub(crate) fn count(name: &str, value: i64) -> Result<usize, String> {
    match value {
        ..0 => Err(format!("{name}: {value} is negative")),
        _ => Ok(usize::try_from(value).unwrap_or(usize::MAX)),
    }
}

/// A count in `range`, whose ends are not negative.
pub(crate) fn count_within(
    name: &str,
    value: i64,
    range: RangeInclusive<i64>,
) -> Result<usize, String> {
    match usize::try_from(value) {
        Ok(count) if range.contains(&value) => Ok(count),
        _ => {
            let (least, most) = range.into_inner();
            Err(format!("{name}: {value} is not between {least} and {most}"))
        }
    }
}

/// The time limit of a number of seconds. 0 means no limit, and so does a number too large for a
/// `Duration`. A positive number below the shortest limit is the shortest limit. A negative number
/// and NaN are errors.
pub(crate) fn limit(name: &str, seconds: f64) -> Result<Option<Duration>, String> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(not_a_time(name, seconds));
    }
    let limit = Duration::try_from_secs_f64(seconds).ok();
    Ok(limit.filter(|_| seconds > 0.0).map(|limit| limit.max(TINY)))
}

/// The duration of a number of seconds, which must not be negative, NaN or too large.
pub(crate) fn time(name: &str, seconds: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(seconds).map_err(|_| not_a_time(name, seconds))
}

fn not_a_time(name: &str, seconds: f64) -> String {
    format!("{name}: {seconds} is not a valid number of seconds")
}

/// The number of seconds of a time limit, 0 for none.
pub(crate) fn of_limit(limit: Option<Duration>) -> f64 {
    limit.map_or(0.0, |limit| limit.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_not_negative() {
        assert_eq!(count("n", 0), Ok(0));
        assert_eq!(count("n", i64::MAX), Ok(isize::MAX as usize));
        assert_eq!(count("n", -1), Err("n: -1 is negative".into()));
        assert!(count("n", i64::MIN).is_err());
    }

    #[test]
    fn counts_are_within_their_range() {
        for value in [9, 15] {
            assert_eq!(count_within("n", value, 9..=15), Ok(value as usize));
        }
        for value in [i64::MIN, -1, 8, 16, i64::MAX] {
            let message = format!("n: {value} is not between 9 and 15");
            assert_eq!(count_within("n", value, 9..=15), Err(message));
        }
    }

    #[test]
    fn times_that_are_limits() {
        let limit = |seconds| limit("n", seconds);
        assert_eq!(limit(0.5), Ok(Some(Duration::from_millis(500))));
        assert_eq!(limit(1e-10), Ok(Some(TINY)));
        assert_eq!(limit(f64::MIN_POSITIVE), Ok(Some(TINY)));
    }

    #[test]
    fn times_that_mean_no_limit() {
        for seconds in [0.0, -0.0, 1e300, f64::INFINITY] {
            assert_eq!(limit("n", seconds), Ok(None), "{seconds}");
        }
    }

    #[test]
    fn numbers_that_are_not_times() {
        for seconds in [-1e-10, -1.0, f64::NEG_INFINITY, f64::NAN] {
            let message = format!("n: {seconds} is not a valid number of seconds");
            assert_eq!(limit("n", seconds), Err(message.clone()));
            assert_eq!(time("n", seconds), Err(message));
        }
    }
}
