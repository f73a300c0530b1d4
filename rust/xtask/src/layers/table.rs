//! The text file with the layers.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::imports::Pair;

/// The layers of all crates, and the imports that are allowed for now although they break the
/// layers.
#[derive(Debug, Default)]
pub struct Table {
    pub crates: Vec<Layers>,
    pub allowed: BTreeSet<Pair>,
}

/// The layers of one crate, the highest first. Each layer is a list of modules, by their paths in
/// the crate.
#[derive(Debug)]
pub struct Layers {
    pub root: PathBuf,
    pub layers: Vec<Vec<String>>,
}

/// Parses lines of four kinds: `# a comment`, the root file of a crate, an indented layer of it,
/// and `FROM -> TO` for an import that is allowed for now.
pub fn parse(text: &str) -> Result<Table> {
    let mut table = Table::default();
    for (index, line) in text.lines().enumerate() {
        let words = line.split_whitespace().map(str::to_owned).collect();
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match (line.split_once(" -> "), table.crates.last_mut()) {
            (Some((from, to)), _) => {
                table.allowed.insert((from.trim().into(), to.trim().into()));
            }
            (None, Some(layers)) if line.starts_with(' ') => layers.layers.push(words),
            (None, None) if line.starts_with(' ') => {
                bail!("line {}: a layer before the first crate", index + 1);
            }
            (None, _) => table.crates.push(Layers {
                root: line.trim().into(),
                layers: Vec::new(),
            }),
        }
    }
    Ok(table)
}
