//! A server while it runs.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fs_err::{self as fs, File};

/// How long a server may take until it can be connected to.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that this program has started, and stops when this value is dropped.
pub struct Running {
    child: Child,
    description: String,
}

/// A port of the loopback interface that is free.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.context("no port is free")?.port())
}

impl Running {
    /// Starts a server that writes its output into `log`, and waits until it accepts connections at
    /// `port`, and until the file `path` exists.
    pub fn start(
        command: &mut Command,
        log: &Path,
        port: Option<u16>,
        path: Option<&Path>,
    ) -> Result<Self> {
        let program = command.get_program().display().to_string();
        let output = File::create(log)?.into_file();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let mut server = Self {
            child,
            description: describe(port, path),
        };
        let deadline = Instant::now() + PATIENCE;
        while !is_there(port, path) {
            let ended = server.child.try_wait().ok().flatten();
            if ended.is_some() || Instant::now() > deadline {
                let printed = fs::read_to_string(log).unwrap_or_default();
                let last = printed.trim().lines().last().unwrap_or("nothing");
                bail!("{program} does not serve; it printed: {last}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Its port and its path.
    pub fn description(&self) -> &str {
        &self.description
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The signal lets it stop its own children.
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
