//! The command line of `cargo xtask bench`.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::result::Result;

/// What to measure, and where to put it.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    /// Fewer and shorter samples.
    pub quick: bool,
    /// Whether to write the page and the plot.
    pub docs: bool,
    /// A file for everything that was measured.
    pub json: Option<PathBuf>,
    /// Parts of the names of the rows to measure; none for all.
    pub filters: Vec<String>,
}

impl Options {
    pub fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Self> {
        let mut parsed = Self::default();
        while let Some(arg) = args.next() {
            match arg.to_str() {
                Some("--quick") => parsed.quick = true,
                Some("--docs") => parsed.docs = true,
                Some("--json") => {
                    let file = args.next().ok_or("--json needs the path of a file")?;
                    parsed.json = Some(file.into());
                }
                Some("--") => {
                    parsed.filters = args
                        .by_ref()
                        .map(|filter| filter.to_string_lossy().into_owned())
                        .collect();
                }
                _ => return Err(format!("unexpected {arg:?}; see `cargo xtask help`")),
            }
        }
        if parsed.docs && !parsed.filters.is_empty() {
            return Err("--docs writes the whole page, so it takes no filters".into());
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options> {
        Options::parse(args.iter().map(OsString::from))
    }

    #[test]
    fn options_come_before_the_filters() {
        let options = parse(&["--quick", "--json", "a.json", "--", "get_u8", "--quick"]).unwrap();
        assert_eq!(
            options,
            Options {
                quick: true,
                docs: false,
                json: Some("a.json".into()),
                filters: vec!["get_u8".into(), "--quick".into()],
            }
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(parse(&["--json"]).is_err());
        assert!(parse(&["get_u8"]).unwrap_err().contains("get_u8"));
        assert!(parse(&["--docs", "--", "get_u8"]).is_err());
    }
}
