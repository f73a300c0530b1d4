//! The classes against programs that nobody here has written: servers of Debian's packages, started for the tests in
//! `godot-project/tests/interop`.

mod running;
mod servers;

use godot_finder::Godot;
use provision::Programs;

use crate::project::Project;
use crate::stage::{self, Profile};
use crate::tally::Tally;
use crate::test::{self, Suite};
use crate::{folder, process};
use running::Running;
use servers::{SERVERS, Server};

/// To be raised when the packages are others.
const REVISION: u32 = 1;

const NAME: &str = "the interoperation suite";

/// What the tests are given beside the addresses: a Python to start their own peers with.
const PYTHON: &str = "usr/bin/python3";

/// Builds the library, and runs the suite.
pub fn run(project: &Project, tally: &mut Tally) {
    match stage::build_and_stage(project, Profile::Debug).and_then(|()| Godot::find()) {
        Ok(godot) => test(project, &godot, tally),
        Err(reason) => tally.check("Godot with the addon", Err(reason)),
    }
}

/// Starts every server, runs the tests, and stops the servers.
pub fn test(project: &Project, godot: &Godot, tally: &mut Tally) {
    process::announce("the servers of others");
    let packages: Vec<_> = SERVERS.iter().flat_map(|server| server.packages).collect();
    let packages: Vec<&str> = packages.into_iter().copied().collect();
    let what = "servers to talk to (300 MB to download, once)";
    let programs = match Programs::set_up(&format!("interop-{REVISION}"), what, &packages) {
        Ok(programs) => programs,
        Err(reason) => return tally.skip(NAME, &reason),
    };
    // Short, for the paths of sockets.
    let place = std::env::temp_dir().join(format!("sprs-{}", std::process::id()));
    if let Err(error) = folder::replace(&place, |_| Ok(())) {
        let reason = format!("cannot create {}: {error}", place.display());
        return tally.check(NAME, Err(reason));
    }
    let mut addresses = vec![
        (
            "INTEROP_PREFIX".to_owned(),
            programs.folder().display().to_string(),
        ),
        (
            "INTEROP_PYTHON".to_owned(),
            programs.folder().join(PYTHON).display().to_string(),
        ),
        (
            "INTEROP_LIBRARIES".to_owned(),
            programs.libraries().display().to_string(),
        ),
    ];
    let mut running: Vec<Running> = Vec::new();
    for Server { name, start, .. } in &SERVERS {
        match start(&programs, &place) {
            Ok((server, told)) => {
                println!("{name}: {}", server.description());
                running.push(server);
                addresses.extend(told);
            }
            Err(reason) => tally.check(name, Err(reason)),
        }
    }
    let environment: Vec<_> = addresses
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let suite = Suite {
        name: NAME,
        args: &["--", "--root=res://tests/interop", "--time-limit=180"],
        environment: &environment,
    };
    test::godot_suite(project, godot, &suite, tally);
    drop(running);
    let _ = std::fs::remove_dir_all(&place);
}
