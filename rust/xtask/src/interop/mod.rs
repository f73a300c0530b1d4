//! The classes against other projects' programs: servers of Debian's packages, started for the
//! tests in `godot-project/tests/interop`.

mod websocket_tools;

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context, Result, bail};
use fs_err::{self as fs, File};
use provision::Programs;
use provision::process::write_program;

use crate::engine::Engine;
use crate::folder::{self, Temporary, unique_name};
use crate::project::Project;
use crate::stage::Profile;
use crate::tally::Tally;
use crate::{chromium, process, suites};

/// Raised when the packages change.
const REVISION: u32 = 6;

const NAME: &str = "the interoperation suite";

/// The servers by their names in `servers.sh`, and their packages.
const SERVERS: [(&str, &[&str]); 5] = [
    ("redis", &["redis-server"]),
    ("nginx", &["nginx-light", "openssl"]),
    ("tls", &["openssl"]),
    ("postgresql", &["postgresql"]),
    ("mpv", &["mpv"]),
];

/// Programs that the tests start themselves, and their packages.
const TOOLS: [(&str, &[&str]); 5] = [
    ("usr/bin/curl", &["curl"]),
    ("usr/bin/jq", &["jq"]),
    ("usr/bin/openssl", &["openssl"]),
    // With a language server.
    ("usr/bin/python3", &["python3-pylsp", "python3-setuptools"]),
    ("usr/sbin/nginx", &["nginx-light"]),
];

/// How long a server may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// Builds the library, starts every server, runs the tests, and stops the servers.
pub fn run(project: &Project, tally: &mut Tally) {
    let engine = match Engine::with_addon(project, Profile::Debug) {
        Ok(engine) => engine,
        Err(error) => return tally.check("Godot with the addon", Err(error)),
    };
    process::announce("the servers");
    let packages = SERVERS
        .iter()
        .chain(&TOOLS)
        .flat_map(|(_, packages)| *packages);
    let packages = Vec::from_iter(packages.copied());
    let what = "servers to talk to (250 MB to download, once)";
    let programs = match Programs::set_up(&format!("interop-{REVISION}"), what, &packages) {
        Ok(programs) => programs,
        Err(error) => return tally.skip(NAME, format!("{error:#}")),
    };
    // A folder with a short name, since it has sockets.
    let folder = Temporary(env::temp_dir().join(unique_name("sprs")));
    if let Err(error) = write_tools(&programs, &folder.0) {
        return tally.check(NAME, Err(error.into()));
    }
    let tools = folder.0.join("bin");
    // Without them, their tests are skipped.
    for written in [
        websocket_tools::write_python(&tools),
        websocket_tools::write_node(&tools),
    ] {
        if let Err(error) = written {
            tally.skip("WebSockets against another program", format!("{error:#}"));
        }
    }
    if let Err(error) = write_chromium(&tools) {
        tally.skip("pages in Chromium", format!("{error:#}"));
    }
    let tools = tools.display().to_string();
    let mut environment = vec![("INTEROP_TOOLS".into(), tools)];
    let mut running = Vec::new();
    for (name, _) in SERVERS {
        match Server::start(name, &programs, &folder.0) {
            Ok((server, variables)) => {
                println!("{name}: {variables:?}");
                running.push(server);
                let variables = variables.into_iter();
                environment
                    .extend(variables.map(|(name, value)| (format!("INTEROP_{name}"), value)));
            }
            Err(error) => tally.check(name, Err(error)),
        }
    }
    let environment = environment.iter().map(|(name, value)| (&**name, &**value));
    let args = ["--", "--root=res://tests/interop", "--time-limit=180"];
    suites::godot(&engine, NAME, &args, environment, tally);
}

/// Calls `body` with a folder of scripts that start Chromium and the Python that drives it.
pub fn with_browser(tally: &mut Tally, body: impl FnOnce(&Path, &mut Tally)) {
    let tools = Temporary(env::temp_dir().join(unique_name("sprs")));
    let written = fs::create_dir_all(&tools.0)
        .map_err(Into::into)
        .and_then(|()| websocket_tools::write_python(&tools.0))
        .and_then(|()| write_chromium(&tools.0));
    match written {
        Ok(()) => body(&tools.0, tally),
        Err(error) => tally.check("a browser", Err(error)),
    }
}

/// Writes a script that starts Chromium.
fn write_chromium(tools: &Path) -> Result<()> {
    let script = chromium::set_up()?.script(chromium::PROGRAM);
    write_program(&tools.join("chromium"), &script)?;
    Ok(())
}

/// Runs all cases of Autobahn against our WebSockets, with a release library.
pub fn autobahn(project: &Project, tally: &mut Tally) {
    const NAME: &str = "Autobahn's cases";
    let engine = match Engine::with_addon(project, Profile::Release) {
        Ok(engine) => engine,
        Err(error) => return tally.check("Godot with the addon", Err(error)),
    };
    let folder = Temporary(env::temp_dir().join(unique_name("sprs")));
    let tools = folder.0.join("bin");
    if let Err(error) = fs::create_dir_all(&tools) {
        return tally.check(NAME, Err(error.into()));
    }
    if let Err(error) = websocket_tools::write_python(&tools) {
        return tally.skip(NAME, format!("{error:#}"));
    }
    let tools = tools.display().to_string();
    let environment = [("INTEROP_TOOLS", &*tools), ("AUTOBAHN", "all")];
    let args = ["--", "--root=res://tests/interop", "test_autobahn"];
    suites::godot(&engine, NAME, &args, environment, tally);
}

/// Makes the folder, with scripts that start the tools.
fn write_tools(programs: &Programs, folder: &Path) -> io::Result<()> {
    folder::replace(folder, |folder| {
        fs::write(folder.join("servers.sh"), include_str!("servers.sh"))?;
        let tools = folder.join("bin");
        fs::create_dir(&tools)?;
        TOOLS.iter().try_for_each(|(path, _)| {
            let name = path.rsplit('/').next().unwrap_or(path);
            write_program(&tools.join(name), &programs.script(path))
        })
    })
}

/// A server that is stopped when this value is dropped.
struct Server(Child);

/// The names and values that describe a server to the tests.
type Variables = Vec<(String, String)>;

impl Server {
    /// Starts a server, and waits until it is ready.
    fn start(name: &str, programs: &Programs, folder: &Path) -> Result<(Self, Variables)> {
        let log = folder.join(format!("{name}.log"));
        let child = Command::new("sh")
            .args(["servers.sh", name])
            .current_dir(folder)
            .envs(programs.environment())
            .env("PROGRAMS", programs.folder())
            .env("PORT", free_port()?)
            .env("TLS_PORT", free_port()?)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?.into_file())
            .spawn()?;
        let mut server = Self(child);
        let mut text = String::new();
        if let Some(mut output) = server.0.stdout.take() {
            output.read_to_string(&mut text)?;
        }
        let variable = |line: &str| {
            let (name, value) = line.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        let variables = Vec::from_iter(text.lines().filter_map(variable));
        let deadline = Instant::now() + PATIENCE;
        let are_ready = || variables.iter().all(|(name, value)| is_ready(name, value));
        loop {
            let is_ready = !variables.is_empty() && are_ready();
            // What answers may be another program, if this one has ended.
            let has_ended = server.0.try_wait()?.is_some();
            if has_ended || !is_ready && Instant::now() > deadline {
                let printed = fs::read_to_string(&log)?;
                bail!("it does not serve; it printed: {}", printed.trim());
            }
            if is_ready {
                return Ok((server, variables));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The signal lets it stop its own children.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if let Ok(Some(_)) = self.0.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A free port of the loopback interface.
fn free_port() -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port().to_string())
}

/// Whether the server is ready: the port in the variable `name` accepts connections, or the file in
/// it exists.
fn is_ready(name: &str, value: &str) -> bool {
    if name.ends_with("_PORT") {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, value.parse().unwrap_or(0)));
        return TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
    }
    !name.ends_with("_PATH") || Path::new(value).exists()
}
