//! The layers of each crate: a file imports from its own layer and from those below it, and imports
//! form no cycle. `rust/xtask/layers.txt` lists the layers.

mod imports;
pub mod source;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use crate::project::Project;
use crate::tally::Tally;

use imports::{Import, Pair};
use source::Module;
use table::{Layers, Table};

/// The file with the layers, from the top folder.
const TABLE: &str = "rust/xtask/layers.txt";

/// The layer of each file; 0 is the highest.
type Ranks = BTreeMap<PathBuf, usize>;

/// Checks every crate of the workspace.
pub fn run(project: &Project, tally: &mut Tally) {
    crate::process::announce("layers");
    tally.check("layers", check(project.root()));
}

fn check(root: &Path) -> Result<()> {
    let table = table::parse(&fs::read_to_string(root.join(TABLE))?).context(TABLE)?;
    let mut faults = unlisted_crates(root, &table)?;
    faults.extend(faults_of(&table, &|file| {
        fs::read_to_string(root.join(file)).ok()
    })?);
    for fault in &faults {
        println!("{fault}");
    }
    ensure!(faults.is_empty(), "{} faults, listed above", faults.len());
    Ok(())
}

/// The crates in `rust` that `table` does not list.
fn unlisted_crates(root: &Path, table: &Table) -> Result<Vec<String>> {
    let roots = fs::read_dir(root.join("rust"))?
        .flatten()
        .flat_map(|entry| {
            let source = Path::new("rust").join(entry.file_name()).join("src");
            ["lib.rs", "main.rs"].map(|file| source.join(file))
        });
    let is_listed = |file: &PathBuf| table.crates.iter().any(|layers| layers.root == *file);
    let unlisted = roots.filter(|file| root.join(file).exists() && !is_listed(file));
    Ok(unlisted
        .map(|file| format!("{}: this crate has no layers in {TABLE}", file.display()))
        .collect())
}

/// Everything that is wrong in the crates of `table`, one text each.
fn faults_of(table: &Table, text_of: &dyn Fn(&Path) -> Option<String>) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut unused = table.allowed.clone();
    for layers in &table.crates {
        let modules = source::read(&layers.root, text_of)?;
        let ranks = rank(layers, &modules, &mut faults);
        let mut imports = imports::imports(&modules);
        for (pair, _) in wrong(&imports, &ranks) {
            unused.remove(pair);
        }
        imports.retain(|pair, _| !table.allowed.contains(pair));
        for ((from, to), import) in wrong(&imports, &ranks) {
            let why = match ranks.get(to) < ranks.get(from) {
                true => "which is in a higher layer",
                false => "which imports this file too, directly or through others",
            };
            let names = Vec::from_iter(&import.names);
            let names = names.into_iter().map(String::as_str);
            let names = Vec::from_iter(names).join(", ");
            let (from, to, line) = (from.display(), to.display(), import.line);
            faults.push(format!("{from}:{line}: imports {names} from {to}, {why}"));
        }
    }
    for (from, to) in unused {
        let (from, to) = (from.display(), to.display());
        faults.push(format!("{TABLE}: needless: {from} -> {to}"));
    }
    Ok(faults)
}

/// Finds the layer of each file, and reports modules without a layer, and layers without a module.
fn rank(layers: &Layers, modules: &[Module], faults: &mut Vec<String>) -> Ranks {
    let mut unused: BTreeSet<_> = layers.layers.iter().flatten().collect();
    let mut ranks = Ranks::new();
    for module in modules {
        // An inline module (`mod name { ... }`) shares the file, and so the rank, of its parent.
        if ranks.contains_key(&module.file) {
            continue;
        }
        let path = module.path.join("::");
        let place = |name: &String| path == *name || path.starts_with(&format!("{name}::"));
        let rank = layers
            .layers
            .iter()
            .position(|layer| layer.iter().any(place));
        match rank {
            _ if module.path.is_empty() => ranks.insert(module.file.clone(), 0),
            Some(rank) => ranks.insert(module.file.clone(), rank + 1),
            None => {
                faults.push(format!("{}: no layer of {TABLE}", module.file.display()));
                None
            }
        };
        unused.retain(|name| !place(name));
    }
    for name in unused {
        faults.push(format!(
            "{TABLE}: {} has no module {name}",
            layers.root.display()
        ));
    }
    ranks
}

/// The imports that lead to a higher layer, and those that are part of a cycle.
fn wrong<'a>(
    imports: &'a BTreeMap<Pair, Import>,
    ranks: &'a Ranks,
) -> impl Iterator<Item = (&'a Pair, &'a Import)> {
    let mut next: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (from, to) in imports.keys() {
        next.entry(from).or_default().push(to);
    }
    imports
        .iter()
        .filter(move |((from, to), _)| ranks.get(to) < ranks.get(from) || reaches(&next, to, from))
}

/// Whether `from` imports `to`, directly or through other files.
fn reaches(next: &BTreeMap<&PathBuf, Vec<&PathBuf>>, from: &PathBuf, to: &PathBuf) -> bool {
    let (mut seen, mut due) = (BTreeSet::new(), vec![from]);
    while let Some(file) = due.pop() {
        if file == to {
            return true;
        }
        if seen.insert(file) {
            due.extend(next.get(file).into_iter().flatten().copied());
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong in a crate of these files, whose layers are a, b and c.
    fn faults(files: &[(&str, &str)], allowed: &str) -> Vec<String> {
        let table = table::parse(&format!("lib.rs\n a\n b\n c\n{allowed}")).unwrap();
        faults_of(&table, &|path| {
            let file = files.iter().find(|(name, _)| Path::new(name) == path);
            file.map(|(_, text)| (*text).to_owned())
        })
        .unwrap()
    }

    const ROOT: (&str, &str) = ("lib.rs", "mod a; mod b; mod c; pub use a::A;");

    #[test]
    fn an_import_from_below_is_right_and_one_from_above_is_wrong() {
        let a = ("a.rs", "use crate::b::B; pub struct A;");
        let b = ("b.rs", "pub struct B;");
        let right = ("c.rs", "#[cfg(test)] mod tests { use crate::a::A; }");
        assert!(faults(&[ROOT, a, b, right], "").is_empty());
        for text in [
            "use super::a::A;",
            "\nfn f() { crate::a::f() }",
            "\nfn f() { println!(\"{}\", crate::A::f()) }",
            "use crate::a; fn f() { a::f() }",
        ] {
            let found = faults(&[ROOT, a, b, ("c.rs", text)], "");
            assert!(found[0].starts_with("c.rs:"), "{found:?}");
            assert!(found[0].ends_with("from a.rs, which is in a higher layer"));
            assert!(faults(&[ROOT, a, b, ("c.rs", text)], "c.rs -> a.rs").is_empty());
        }
        let found = faults(&[ROOT, a, b, right], "c.rs -> a.rs");
        assert_eq!(found, ["rust/xtask/layers.txt: needless: c.rs -> a.rs"]);
    }

    #[test]
    fn imports_within_a_layer_form_no_cycle() {
        let a = ("a/mod.rs", "mod x; mod y; mod z;\npub struct A;");
        let x = ("a/x.rs", "use super::y::Y; pub struct X;");
        let y = ("a/y.rs", "use super::z::Z; pub struct Y;");
        let z = ("a/z.rs", "\npub struct Z(super::x::X);");
        let rest = [ROOT, ("b.rs", ""), ("c.rs", ""), a];
        let found = faults(&[&rest[..], &[x, y, z]].concat(), "");
        assert_eq!(found.len(), 3);
        let why = "which imports this file too, directly or through others";
        assert_eq!(
            found[2],
            format!("a/z.rs:2: imports super::x::X from a/x.rs, {why}")
        );

        // Without one of the imports, there is no cycle.
        assert!(faults(&[&rest[..], &[x, y, z]].concat(), "a/z.rs -> a/x.rs").is_empty());
    }

    #[test]
    fn a_reexport_is_no_import_and_resolves_to_the_definition() {
        let rest = [ROOT, ("b.rs", ""), ("c.rs", "")];
        let x = ("a/x.rs", "pub struct X;");
        let y = ("a/y.rs", "use super::X; pub struct Y(crate::a::X);");
        let reexport = (
            "a/mod.rs",
            "mod x; mod y; pub use x::X; pub(crate) use y::*;",
        );
        assert!(faults(&[&rest[..], &[reexport, x, y]].concat(), "").is_empty());

        // An item that the parent itself defines is an import from the parent.
        let parent = ("a/mod.rs", "mod x; mod y;\nuse y::Y; pub struct X;");
        let found = faults(&[&rest[..], &[parent, x, y]].concat(), "");
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("a/mod.rs:2: imports y::Y from a/y.rs"));

        // A reexport of an item of another layer is an import of that layer.
        let b = ("b.rs", "pub use crate::c::C;");
        let c = ("c.rs", "use crate::b::C as Other; pub struct C;");
        let found = faults(&[ROOT, ("a.rs", ""), b, c], "");
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn all_alternatives_of_a_conditional_module_count() {
        let root = ("lib.rs", "mod a; mod b; mod c;");
        let c = (
            "c/mod.rs",
            "pub use imp::f; #[cfg(unix)] #[path = \"one.rs\"] mod imp; #[cfg(windows)] #[path = \"two.rs\"] mod imp;",
        );
        let files = [
            root,
            c,
            ("a.rs", "use crate::b;"),
            ("b.rs", "use crate::c::f;"),
            ("c/one.rs", "use crate::b::B;"),
            ("c/two.rs", "use crate::a::{self, A};"),
        ];
        assert_eq!(faults(&files, "").len(), 5);
    }

    #[test]
    fn every_module_has_a_layer_and_every_layer_a_module() {
        let found = faults(
            &[
                ("lib.rs", "mod a; mod d; mod b;"),
                ("a.rs", ""),
                ("b.rs", ""),
                ("d.rs", ""),
            ],
            "",
        );
        assert_eq!(
            found,
            [
                "d.rs: no layer of rust/xtask/layers.txt",
                "rust/xtask/layers.txt: lib.rs has no module c"
            ]
        );
    }
}
