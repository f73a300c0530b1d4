//! Time limits as scripts give them: numbers of seconds.

use std::time::Duration;

/// The shortest time limit.
const TINY: Duration = Duration::from_nanos(1);

/// The time limit of a number of seconds. 0 is no limit, and neither is a number too large for a
/// `Duration`. A positive number below the shortest limit is the shortest limit. A negative number
/// and NaN are errors.
pub(crate) fn limit(seconds: f64) -> Result<Option<Duration>, NotATime> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(NotATime);
    }
    let limit = Duration::try_from_secs_f64(seconds).ok();
    Ok(limit.filter(|_| seconds > 0.0).map(|limit| limit.max(TINY)))
}

/// A number that is not a time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotATime;

/// The number of seconds of a time limit, 0 for none.
pub(crate) fn of_limit(limit: Option<Duration>) -> f64 {
    limit.map_or(0.0, |limit| limit.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_are_limits() {
        assert_eq!(limit(0.5), Ok(Some(Duration::from_millis(500))));
        assert_eq!(limit(1e-10), Ok(Some(TINY)));
        assert_eq!(limit(f64::MIN_POSITIVE), Ok(Some(TINY)));
    }

    #[test]
    fn times_that_mean_no_limit() {
        for seconds in [0.0, -0.0, 1e300, f64::INFINITY] {
            assert_eq!(limit(seconds), Ok(None), "{seconds}");
        }
    }

    #[test]
    fn numbers_that_are_not_times() {
        for seconds in [-1e-10, -1.0, f64::NEG_INFINITY, f64::NAN] {
            assert_eq!(limit(seconds), Err(NotATime), "{seconds}");
        }
    }
}
