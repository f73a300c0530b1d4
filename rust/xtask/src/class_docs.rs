//! The class documentation: that it agrees with the classes, and `docs/classes` with it.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::engine::Engine;
use crate::folder;
use crate::manual;
use crate::tally::Tally;

const FOLDER: &str = "doc_classes";

const UP_TO_DATE: &str = "the class documentation against the classes";

/// The command that writes the documentation's skeleton again, and keeps the texts.
const UPDATE: &str = "cargo xtask godot -- --headless --path godot-project --doctool ../addons/stream_peer_socket_rs \
                      --gdextension-docs";

/// Tests the documentation, and counts the tests.
pub fn test(engine: &Engine, tally: &mut Tally) {
    tally.check(UP_TO_DATE, up_to_date(engine));
    tally.check(
        "docs/classes against the class documentation",
        manual::check_classes(engine),
    );
}

/// Makes Godot write the documentation from its classes and the existing texts: nothing may change.
fn up_to_date(engine: &Engine) -> Result<()> {
    let addon = engine.project.addon();
    let committed = folder::texts(&addon.join(FOLDER))?;
    let scratch = engine.project.target().join("class-docs");
    folder::replace(&scratch, |folder| {
        folder::copy(&addon.join(FOLDER), &folder.join(FOLDER))
    })?;
    let mut command = engine.command(&engine.project.godot_project());
    command
        .arg("--doctool")
        .arg(&scratch)
        .arg("--gdextension-docs");
    engine.run(UP_TO_DATE, &mut command, |_| ())?;
    let generated = folder::texts(&scratch.join(FOLDER))?;
    let files: BTreeSet<_> = committed.keys().chain(generated.keys()).collect();
    let mut changed = Vec::from_iter(files);
    changed.retain(|file| committed.get(*file) != generated.get(*file));
    ensure!(
        changed.is_empty(),
        "{changed:?} differ from the classes; write them with `{UPDATE}`"
    );
    Ok(())
}
