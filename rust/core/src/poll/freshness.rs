//! When an answer of the kernel may be reused. Pure rules: no system call and no clock.
//!
//! A frame that polls a thousand idle connections must not make a thousand system calls, and must
//! not miss an event. So an answer may be reused while all of these hold:
//!
//! - This library has done nothing since then that can cause an event: no send, receive, connect,
//!   accept or close. So the next poll always sees data that was sent through this library.
//! - The answer is younger than its lifetime: [`SHARED_POLL_TICKS`](crate::sys::SHARED_POLL_TICKS)
//!   ticks, about 3 microseconds, or what the program has chosen. A message through a pipe takes
//!   longer than `SHARED_POLL_TICKS`. Data from another process may be seen later by up to this
//!   lifetime.
//! - The same connection has not used the answer before. So a busy loop over one connection sees
//!   what a system call of its own would show.

/// A moment at which an answer was requested, or is to be reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// See [`sys::ticks`](crate::sys::ticks).
    pub(crate) ticks: u64,
    /// The number of operations of this library until then that can cause an event.
    pub(crate) activity: u64,
}

impl Moment {
    /// Whether an answer requested at this moment may be reused at `now`. Answers live for
    /// `lifetime` ticks.
    #[inline]
    pub(crate) fn is_fresh_at(self, now: Moment, lifetime: u64) -> bool {
        // The tick count can go back when the machine has slept. The difference then wraps around
        // to a large number, so the answer is not fresh.
        self.activity == now.activity && now.ticks.wrapping_sub(self.ticks) < lifetime
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_expires_with_age_and_with_activity() {
        let requested = Moment {
            ticks: 1_000_000,
            activity: 7,
        };
        const LIFETIME: u64 = 3000;
        let table = [
            (0, 7, true, "at once"),
            (LIFETIME - 1, 7, true, "a moment later"),
            (LIFETIME, 7, false, "too old"),
            (
                0,
                8,
                false,
                "something was sent, received, connected or closed",
            ),
            (LIFETIME, 8, false, "both"),
            (u64::MAX, 7, false, "from before the machine slept"),
        ];
        for (later, activity, expected, why) in table {
            let now = Moment {
                ticks: requested.ticks.wrapping_add(later),
                activity,
            };
            assert_eq!(requested.is_fresh_at(now, LIFETIME), expected, "{why}");
            assert!(!requested.is_fresh_at(now, 0), "nothing is shared");
        }
    }
}
