//! Making a release: the libraries of all platforms, and the archives.

mod build;
mod inspect;
mod sign;
mod targets;
mod toolchain;

use std::fs;

use build::Workshop;
use targets::PLATFORMS;
use toolchain::Toolchain;

use crate::project::Project;
use crate::tally::Tally;

/// Builds what is to be built, checks it, and counts that.
pub fn run(project: &Project, tally: &mut Tally) {
    let toolchain = match Toolchain::find() {
        Ok(toolchain) => toolchain,
        Err(reason) => return tally.check("the tools for other systems", Err(reason)),
    };
    println!("compiler: {}", toolchain.version);
    let workshop = Workshop {
        project,
        toolchain: &toolchain,
        folder: project.target().join("dist"),
    };
    let mut built = workshop.build();
    for platform in &PLATFORMS {
        let Some(outcome) = built.remove(platform.key) else {
            continue;
        };
        let outcome = outcome.and_then(|built| {
            let halves = inspect::library(&built.library, platform)?;
            let size = fs::metadata(&built.library).map_or(0, |data| data.len());
            println!("{}: {size} bytes", platform.title);
            halves.iter().for_each(|half| println!("    {half}"));
            Ok(())
        });
        tally.check(platform.title, outcome);
    }
    for (triple, outcome) in workshop.check() {
        tally.check(&format!("the code for {triple}"), outcome);
    }
}
