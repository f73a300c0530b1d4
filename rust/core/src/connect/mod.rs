//! Getting connected: names, the addresses of a name, and attempts to connect to them.

pub(crate) mod attempt;
pub(crate) mod attempt_log;
pub(crate) mod connecting;
mod happy_eyeballs;
mod patience;
mod race;
pub(crate) mod resolver;
