//! The manual: a site of the README, the pages in `docs`, the class reference and the scripts that
//! these link to.
//!
//! | file | what it does |
//! | --- | --- |
//! | `reference`, `text`, `links` | the class reference, from XML to Markdown |
//! | `pages` | the place of each document in the site, and its links |
//! | `pictures` | photographs of the site in a browser |
//! | `mkdocs.yml`, `style.css`, `iframe-worker.js`, `query.js` | what mkdocs makes the site with |

mod links;
mod pages;
mod pictures;
mod reference;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;

use crate::engine::Engine;
use crate::project::{ADDON, Project};
use crate::python::Environment;
use crate::stage::Profile;
use crate::tally::Tally;
use crate::{folder, process};

pub use pictures::photograph;

const MKDOCS: Environment = Environment {
    name: "mkdocs-material-9.8.2",
    what: "the maker of the manual (25 MB to download, once)",
    packages: &["mkdocs==1.6.1", "mkdocs-material==9.8.2"],
};

/// The class reference, from the top folder.
const CLASSES: &str = "docs/classes";

/// Writes the class reference and builds the site, or only builds the site.
pub fn run(project: &Project, site_only: bool, tally: &mut Tally) {
    if !site_only {
        let written = Engine::with_addon(project, Profile::Debug)
            .and_then(|engine| class_pages(&engine))
            .and_then(|pages| write(&project.root().join(CLASSES), &pages));
        tally.check("the class reference", written);
    }
    check_site(project, tally);
}

/// Builds the site, and counts that as a check. A dead link is a failure.
pub fn check_site(project: &Project, tally: &mut Tally) {
    const NAME: &str = "the manual";
    process::announce(NAME);
    tally.check(NAME, build_site(project));
}

fn build_site(project: &Project) -> Result<()> {
    let folder = stage(project)?;
    let mut mkdocs = MKDOCS.module("mkdocs")?;
    mkdocs
        .args(["build", "--strict", "--config-file"])
        .arg(folder.join("mkdocs.yml"))
        // The theme's makers announce their next program here.
        .env("NO_MKDOCS_2_WARNING", "1");
    process::run(&mut mkdocs)?;
    println!("{}", site(project).join("index.html").display());
    Ok(())
}

/// Checks that the class reference is up to date.
pub fn check_classes(engine: &Engine) -> Result<()> {
    let files = folder::texts(&engine.project.root().join(CLASSES))?;
    reference::compare(&class_pages(engine)?, &files)
}

/// The pages of the class reference. Godot writes the XML of the addon's scripts, and of its own
/// classes, so that links to them can be checked.
fn class_pages(engine: &Engine) -> Result<BTreeMap<String, String>> {
    let written = |name: &str, options: &[&str]| {
        let folder = engine.project.target().join("manual-docs").join(name);
        folder::replace(&folder, |_| Ok(()))?;
        let mut command = engine.command(&engine.project.godot_project());
        command.arg("--doctool").arg(&folder).args(options);
        engine.run(
            &format!("the documentation of {name}"),
            &mut command,
            |_| (),
        )?;
        texts(&folder)
    };
    let scripts = format!("res://addons/{ADDON}");
    let mut own = texts(&engine.project.addon().join("doc_classes"))?;
    own.extend(written("scripts", &["--gdscript-docs", &scripts])?);
    reference::pages(&own, &written("engine", &[])?)
}

/// The texts of all files below a folder, in the order of their names.
fn texts(folder: &Path) -> Result<Vec<String>> {
    let mut files = folder::files(folder)?;
    files.sort();
    let texts = files
        .iter()
        .map(|file| fs::read_to_string(folder.join(file)));
    Ok(texts.collect::<Result<_, _>>()?)
}

/// Makes `folder` contain these files alone.
fn write(folder: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    Ok(folder::replace(folder, |folder| {
        files
            .iter()
            .try_for_each(|(name, text)| fs::write(folder.join(name), text))
    })?)
}

/// Where mkdocs puts the site.
fn site(project: &Project) -> PathBuf {
    project.target().join("manual/site")
}

/// Puts together what mkdocs makes the site of, and returns its folder.
fn stage(project: &Project) -> Result<PathBuf> {
    let manual = project.target().join("manual");
    let files = pages::files(project.root())?;
    folder::replace(&manual, |manual| {
        for (path, bytes) in &files {
            let path = manual.join("pages").join(path);
            fs::create_dir_all(path.with_file_name(""))?;
            fs::write(path, bytes)?;
        }
        let classes = files
            .keys()
            .filter_map(|path| path.strip_prefix("classes/"));
        let classes = classes.filter_map(|name| name.strip_suffix(".md"));
        let mut classes = Vec::from_iter(classes.filter(|name| *name != "index"));
        // A class before those inside it.
        classes.sort();
        let lines = classes
            .iter()
            .map(|name| format!("      - classes/{name}.md\n"));
        let config = include_str!("mkdocs.yml").replace("{CLASSES}", &String::from_iter(lines));
        fs::write(manual.join("mkdocs.yml"), config)
    })
    .context("cannot stage the manual")?;
    Ok(manual)
}
