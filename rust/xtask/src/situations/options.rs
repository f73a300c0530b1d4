//! The command line of `cargo xtask situations`.

use std::ffi::OsString;

use super::list::Situation;
use crate::result::Result;

/// Which situations to compare in.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    /// Only those of the short form.
    pub quick: bool,
    /// Parts of the names of the situations; none for all.
    pub filters: Vec<String>,
}

impl Options {
    pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Self> {
        let mut parsed = Self::default();
        let mut filtered = false;
        for arg in args {
            match arg.to_str() {
                Some(filter) if filtered => parsed.filters.push(filter.to_owned()),
                Some("--quick") => parsed.quick = true,
                Some("--") => filtered = true,
                _ => return Err(format!("unexpected {arg:?}; see `cargo xtask help`")),
            }
        }
        Ok(parsed)
    }

    pub fn wants(&self, situation: &Situation) -> bool {
        let named = |filter: &String| situation.name.contains(filter.as_str());
        (situation.quick || !self.quick)
            && (self.filters.is_empty() || self.filters.iter().any(named))
    }

    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}
