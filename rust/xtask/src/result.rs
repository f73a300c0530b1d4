//! The result of what can fail here.

/// A result whose error is one sentence for the person at the terminal: what failed, and what to do about it.
pub type Result<T> = std::result::Result<T, String>;
