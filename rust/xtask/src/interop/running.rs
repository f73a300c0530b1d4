//! A server while it runs.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::result::Result;

/// How long a server may take until it can be connected to.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that this program has started, until this value goes.
pub struct Running {
    child: Child,
    description: String,
}

/// A port of the loopback interface that is free.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address
        .map_err(|error| format!("no port is free: {error}"))?
        .port())
}

impl Running {
    /// Starts a server whose output goes into `log`, and waits until it takes connections at `port`, and until there is a file at
    /// `path`.
    pub fn start(
        command: &mut Command,
        log: &Path,
        port: Option<u16>,
        path: Option<&Path>,
    ) -> Result<Self> {
        let program = command.get_program().display().to_string();
        let failed = |error: io::Error| format!("cannot start {program}: {error}");
        let output = File::create(log).map_err(failed)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            .spawn()
            .map_err(failed)?;
        let mut server = Self {
            child,
            description: describe(port, path),
        };
        let deadline = Instant::now() + PATIENCE;
        while !is_there(port, path) {
            let ended = server.child.try_wait().ok().flatten();
            if ended.is_some() || Instant::now() > deadline {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                let last = said.trim().lines().last().unwrap_or("nothing").to_owned();
                return Err(format!("{program} does not serve; it said: {last}"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Where it is.
    pub fn description(&self) -> &str {
        &self.description
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked first, so that it ends what it has started itself.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_there(port: Option<u16>, path: Option<&Path>) -> bool {
    let connects = |port| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
    };
    port.is_none_or(connects) && path.is_none_or(|path| path.exists())
}

fn describe(port: Option<u16>, path: Option<&Path>) -> String {
    let port = port.map(|port| format!("127.0.0.1:{port}"));
    let path = path.map(|path| path.display().to_string());
    let places: Vec<_> = port.into_iter().chain(path).collect();
    places.join(" and ")
}
