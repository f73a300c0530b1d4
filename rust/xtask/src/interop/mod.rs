//! The classes against other projects' programs: servers of Debian's packages, started for the
//! tests in `godot-project/tests/interop`.

mod running;
mod servers;

use std::path::Path;
use std::{env, io};

use fs_err as fs;
use provision::Programs;
use provision::process::write_program;

use crate::engine::Engine;
use crate::folder::{self, Temporary, unique_name};
use crate::project::Project;
use crate::stage::Profile;
use crate::tally::Tally;
use crate::{process, suites};
use servers::{Place, SERVERS, Server};

/// Raised when the packages change.
const REVISION: u32 = 5;

const NAME: &str = "the interoperation suite";

/// Programs that the tests start themselves, and their packages.
const TOOLS: [(&str, &[&str]); 3] = [
    ("usr/bin/jq", &["jq"]),
    ("usr/bin/openssl", &["openssl"]),
    // With a language server.
    ("usr/bin/python3", &["python3-pylsp", "python3-setuptools"]),
];

/// Builds the library, and runs the suite.
pub fn run(project: &Project, tally: &mut Tally) {
    match Engine::with_addon(project, Profile::Debug) {
        Ok(engine) => test(&engine, tally),
        Err(error) => tally.check("Godot with the addon", Err(error)),
    }
}

/// Starts every server, runs the tests, and stops the servers.
fn test(engine: &Engine, tally: &mut Tally) {
    process::announce("the servers");
    let of_servers = SERVERS.iter().flat_map(|server| server.packages);
    let of_tools = TOOLS.iter().flat_map(|(_, packages)| *packages);
    let packages: Vec<&str> = of_servers.chain(of_tools).copied().collect();
    let what = "servers to talk to (250 MB to download, once)";
    let programs = match Programs::set_up(&format!("interop-{REVISION}"), what, &packages) {
        Ok(programs) => programs,
        Err(error) => return tally.skip(NAME, format!("{error:#}")),
    };
    let folder = Temporary(env::temp_dir().join(unique_name("sprs")));
    if let Err(error) = write_tools(&programs, &folder.0) {
        return tally.check(NAME, Err(error.into()));
    }
    let mut environment = vec![("TOOLS", folder.0.join("bin").display().to_string())];
    let place = Place {
        programs,
        folder: folder.0.clone(),
    };
    let mut running = Vec::new();
    for Server { name, start, .. } in &SERVERS {
        match start(&place) {
            Ok((server, variables)) => {
                println!("{name}: {}", server.description());
                running.push(server);
                environment.extend(variables);
            }
            Err(error) => tally.check(name, Err(error)),
        }
    }
    let environment = environment.into_iter();
    let environment: Vec<_> = environment
        .map(|(name, value)| (format!("INTEROP_{name}"), value))
        .collect();
    let environment = environment.iter().map(|(name, value)| (&**name, &**value));
    let args = ["--", "--root=res://tests/interop", "--time-limit=180"];
    suites::godot(engine, NAME, &args, environment, tally);
    drop(running);
}

/// Makes a folder with a short name, for the paths of sockets, with scripts that start the tools.
fn write_tools(programs: &Programs, folder: &Path) -> io::Result<()> {
    folder::replace(folder, |folder| {
        let tools = folder.join("bin");
        fs::create_dir(&tools)?;
        TOOLS.iter().try_for_each(|(path, _)| {
            let name = path.rsplit('/').next().unwrap_or(path);
            write_program(&tools.join(name), &programs.script(path))
        })
    })
}
