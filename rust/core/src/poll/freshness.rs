//! When an answer of the kernel may be used once more: pure rules, no kernel and no clock in them.
//!
//! A frame over a thousand idle connections must not make a thousand system calls, and must not miss what has happened. So
//! an answer serves others too, as long as nobody can know better:
//!
//! - This library has done nothing since that could cause news: no send, receive, connect, accept or close. So what reaches
//!   a connection by way of this library's own sockets is always seen by the next look.
//! - The answer is younger than [`SHORT`](crate::sys::SHORT) ticks, about 3 microseconds, or what the user has chosen instead: less than a
//!   message through a pipe takes. Only what comes past this library's sockets, and faster than that, is seen that much later.
//! - Who asks has not used the answer before: a tight loop sees what a system call of its own would show it.

/// A moment: when something was asked or is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// See [`sys::ticks`](crate::sys::ticks).
    pub(crate) ticks: u64,
    /// How often this library had done something that can cause news.
    pub(crate) activity: u64,
}

impl Moment {
    /// Whether an answer to what was `asked` then still holds at this moment, which answers do for `lifetime` ticks.
    #[inline]
    pub(crate) fn still_knows(self, asked: Moment, lifetime: u64) -> bool {
        // Ticks that lie ahead, after the machine has slept, are none.
        asked.activity == self.activity && self.ticks.wrapping_sub(asked.ticks) < lifetime
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_dies_with_age_and_with_activity() {
        let asked = Moment {
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
                ticks: asked.ticks.wrapping_add(later),
                activity,
            };
            assert_eq!(now.still_knows(asked, LIFETIME), expected, "{why}");
            assert!(!now.still_knows(asked, 0), "nothing is shared");
        }
    }
}
