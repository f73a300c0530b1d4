//! Which servers there are, and how each is started.

use std::path::Path;

use provision::Programs;

use super::running::{Running, free_port};
use crate::result::Result;

/// A server that the tests talk to.
pub struct Server {
    pub name: &'static str,
    /// Debian's packages, with those that the tests of this server need beside.
    pub packages: &'static [&'static str],
    /// Starts it, with its files in a folder. What the tests are told of it are environment variables.
    pub start: fn(&Programs, &Path) -> Result<(Running, Vec<(String, String)>)>,
}

pub const SERVERS: [Server; 1] = [Server {
    name: "Redis",
    packages: &["redis-server"],
    start: redis,
}];

fn redis(programs: &Programs, place: &Path) -> Result<(Running, Vec<(String, String)>)> {
    let (port, path) = (free_port()?, place.join("redis.sock"));
    let mut command = programs.command("usr/bin/redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no"])
        .arg("--unixsocket")
        .arg(&path)
        .arg("--dir")
        .arg(place);
    let log = place.join("redis.log");
    let server = Running::start(&mut command, &log, Some(port), Some(&path))?;
    Ok((
        server,
        vec![
            ("INTEROP_REDIS_PORT".into(), port.to_string()),
            ("INTEROP_REDIS_PATH".into(), path.display().to_string()),
        ],
    ))
}
