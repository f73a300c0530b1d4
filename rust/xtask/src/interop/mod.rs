//! The classes against programs that nobody here has written: servers of Debian's packages, started for the tests in
//! `godot-project/tests/interop`.

mod running;
mod servers;

use std::env;
use std::fs;

use godot_finder::Godot;
use provision::Programs;
use provision::process::write_program;

use crate::folder;
use crate::project::Project;
use crate::result::Result;
use crate::stage::{self, Profile};
use crate::tally::Tally;
use crate::test::{self, Suite};
use servers::{Place, SERVERS, Server};

/// To be raised when the packages are others.
const REVISION: u32 = 5;

const NAME: &str = "the interoperation suite";

/// What the environment variables begin with that tell the tests where the servers are.
const PREFIX: &str = "INTEROP_";

/// Programs that the tests start themselves, and their packages.
const TOOLS: [(&str, &[&str]); 3] = [
    ("usr/bin/jq", &["jq"]),
    ("usr/bin/openssl", &["openssl"]),
    // With a language server.
    ("usr/bin/python3", &["python3-pylsp", "python3-setuptools"]),
];

/// Builds the library, and runs the suite.
pub fn run(project: &Project, tally: &mut Tally) {
    match stage::build_and_stage(project, Profile::Debug).and_then(|()| Godot::find()) {
        Ok(godot) => test(project, &godot, tally),
        Err(reason) => tally.check("Godot with the addon", Err(reason)),
    }
}

/// Starts every server, runs the tests, and stops the servers.
pub fn test(project: &Project, godot: &Godot, tally: &mut Tally) {
    crate::process::announce("the servers of others");
    let of_servers = SERVERS.iter().flat_map(|server| server.packages);
    let of_tools = TOOLS.iter().flat_map(|(_, packages)| *packages);
    let packages: Vec<&str> = of_servers.chain(of_tools).copied().collect();
    let what = "servers to talk to (250 MB to download, once)";
    let programs = match Programs::set_up(&format!("interop-{REVISION}"), what, &packages) {
        Ok(programs) => programs,
        Err(reason) => return tally.skip(NAME, &reason),
    };
    let place = match place(programs) {
        Ok(place) => place,
        Err(reason) => return tally.check(NAME, Err(reason)),
    };
    let tools = ("TOOLS", place.folder.join("bin").display().to_string());
    let mut told = vec![tools];
    let mut running = Vec::new();
    for Server { name, start, .. } in &SERVERS {
        match start(&place) {
            Ok((server, addresses)) => {
                println!("{name}: {}", server.description());
                running.push(server);
                told.extend(addresses);
            }
            Err(reason) => tally.check(name, Err(reason)),
        }
    }
    let told: Vec<_> = told
        .into_iter()
        .map(|(name, value)| (format!("{PREFIX}{name}"), value))
        .collect();
    let environment: Vec<_> = told
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
    let _ = fs::remove_dir_all(&place.folder);
}

/// A folder with a short name, for the paths of sockets in it, and scripts in it that start the tools.
fn place(programs: Programs) -> Result<Place> {
    let folder = env::temp_dir().join(folder::unique_name("sprs"));
    folder::replace(&folder, |folder| {
        let tools = folder.join("bin");
        fs::create_dir(&tools)?;
        TOOLS.iter().try_for_each(|(path, _)| {
            let name = path.rsplit('/').next().unwrap_or(path);
            write_program(&tools.join(name), &programs.script(path))
        })
    })
    .map_err(|error| format!("cannot fill {}: {error}", folder.display()))?;
    Ok(Place { programs, folder })
}
