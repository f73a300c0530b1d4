//! What each file of a crate imports from which other file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::source::{Module, Name, Segments};

/// A path that leads through more `use` items than this is taken for a cycle.
const LONGEST_CHAIN: usize = 16;

/// The modules of a crate by their paths.
type Index<'a> = BTreeMap<&'a [String], Vec<&'a Module>>;

/// Two files: the first imports something that the second defines.
pub type Pair = (PathBuf, PathBuf);

/// What one file imports from another: the paths as they are written there, and the first line with
/// one of them.
#[derive(Clone, Debug)]
pub struct Import {
    pub line: usize,
    pub names: BTreeSet<String>,
}

impl Default for Import {
    fn default() -> Self {
        let (line, names) = (usize::MAX, BTreeSet::new());
        Self { line, names }
    }
}

/// All imports between the files of a crate. Two things do not count as imports: a declaration such
/// as `mod a;`, and a `pub use` of an item below the module itself, since its users import it from
/// the file that defines it.
pub fn imports(modules: &[Module]) -> BTreeMap<Pair, Import> {
    let mut index = Index::new();
    for module in modules {
        index.entry(&module.path).or_default().push(module);
    }
    let mut imports = BTreeMap::new();
    for module in modules {
        for Name {
            path,
            line,
            is_public,
            ..
        } in &module.names
        {
            for target in resolve(&index, &module.path, path, LONGEST_CHAIN) {
                let is_reexport = *is_public && target.path.starts_with(&module.path);
                if target.file != module.file && !is_reexport {
                    let pair = (module.file.clone(), target.file.clone());
                    let import: &mut Import = imports.entry(pair).or_default();
                    import.line = import.line.min(*line);
                    import.names.insert(path.join("::"));
                }
            }
        }
    }
    imports
}

/// The modules that define what `path` names in the module at `here`; none if that is another
/// crate.
fn resolve<'a>(
    modules: &Index<'a>,
    here: &[String],
    path: &[String],
    chain: usize,
) -> Vec<&'a Module> {
    let Some(((first, rest), chain)) = path.split_first().zip(chain.checked_sub(1)) else {
        return Vec::new();
    };
    let parent = &here[..here.len().saturating_sub(1)];
    match first.as_str() {
        "crate" => walk(modules, &[], rest, chain),
        "self" => walk(modules, here, rest, chain),
        // Each further `super` goes up once more.
        "super" if rest.first().is_some_and(|next| next == "super") => {
            resolve(modules, parent, rest, chain)
        }
        "super" => walk(modules, parent, rest, chain),
        _ if !at(modules, &join(here, first)).is_empty() => walk(modules, here, path, chain),
        _ => through_uses(modules, here, path, chain),
    }
}

/// The modules that define what `path` names, where its first name comes from a `use` in the module
/// at `here`.
fn through_uses<'a>(
    modules: &Index<'a>,
    here: &[String],
    path: &[String],
    chain: usize,
) -> Vec<&'a Module> {
    let (name, rest) = (&path[0], &path[1..]);
    at(modules, here)
        .into_iter()
        .flat_map(|module| &module.names)
        // `use socket2;` is another crate.
        .filter(|item| item.alias.as_ref() == Some(name) && item.path[0] != *name)
        .flat_map(|item| resolve(modules, here, &[&item.path, rest].concat(), chain))
        .collect()
}

/// The modules that define `rest`, seen from outside of the module at `base`.
fn walk<'a>(
    modules: &Index<'a>,
    base: &[String],
    rest: &[String],
    chain: usize,
) -> Vec<&'a Module> {
    let Some((name, below)) = rest.split_first() else {
        return at(modules, base);
    };
    let child = join(base, name);
    if !at(modules, &child).is_empty() {
        return walk(modules, &child, below, chain);
    }
    let mut targets = through_uses(modules, base, rest, chain);
    // A module that re-exports an item from elsewhere is what its users depend on.
    targets.retain(|target| target.path.starts_with(base));
    match targets.is_empty() {
        true => at(modules, base),
        false => targets,
    }
}

fn at<'a>(modules: &Index<'a>, path: &[String]) -> Vec<&'a Module> {
    modules.get(path).cloned().unwrap_or_default()
}

fn join(path: &[String], name: &str) -> Segments {
    [path, &[name.to_owned()]].concat()
}
