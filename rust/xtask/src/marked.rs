//! Text between two marks in a page of the documentation, which a command writes.

use std::fs;
use std::path::Path;

use crate::result::Result;

/// The lines that the text stands between.
pub struct Marks {
    pub begin: &'static str,
    pub end: &'static str,
}

/// Puts `text` between the marks in the file at `path`.
pub fn replace(path: &Path, marks: &Marks, text: &str) -> Result<()> {
    let failed = |error| format!("cannot change {}: {error}", path.display());
    let page = fs::read_to_string(path).map_err(failed)?;
    let changed = replaced(&page, marks, text)
        .ok_or_else(|| format!("{} has no {:?}", path.display(), marks.begin))?;
    fs::write(path, changed).map_err(failed)
}

/// The page with `text` between the marks, if it has them.
fn replaced(page: &str, marks: &Marks, text: &str) -> Option<String> {
    let Marks { begin, end } = marks;
    let (before, rest) = page.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_is_replaced() {
        let marks = Marks {
            begin: "<!-- begin -->\n",
            end: "<!-- end -->\n",
        };
        let page = "a\n<!-- begin -->\nold\n<!-- end -->\nb\n";
        assert_eq!(
            replaced(page, &marks, "new\n").unwrap(),
            "a\n<!-- begin -->\nnew\n<!-- end -->\nb\n"
        );
        assert_eq!(replaced("a\n", &marks, "new\n"), None);
    }
}
