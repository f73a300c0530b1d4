//! The servers, and how each is started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;
use provision::{Programs, process};

use super::running::{Running, free_port};

/// A server that the tests talk to.
pub struct Server {
    pub name: &'static str,
    /// Debian's packages.
    pub packages: &'static [&'static str],
    pub start: fn(&Place) -> Result<Started>,
}

/// A server, and the environment variables that describe it to the tests.
pub type Started = (Running, Vec<(&'static str, String)>);

/// Where servers are started: their programs, and a folder for their files.
pub struct Place {
    pub programs: Programs,
    pub folder: PathBuf,
}

pub const SERVERS: [Server; 5] = [
    Server {
        name: "Redis",
        packages: &["redis-server"],
        start: redis,
    },
    Server {
        name: "nginx",
        packages: &["nginx-light", "openssl"],
        start: nginx,
    },
    Server {
        name: "openssl s_server",
        packages: &["openssl"],
        start: tls_server,
    },
    Server {
        name: "PostgreSQL",
        packages: &["postgresql"],
        start: postgresql,
    },
    Server {
        name: "mpv",
        packages: &["mpv"],
        start: mpv,
    },
];

/// The size of the large file of nginx.
const LARGE: usize = 64 << 20;

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).and_then(|()| fs::write(&path, content))?;
        Ok(path)
    }

    /// Starts a program, and waits until it serves at `port` and at `path`.
    fn start(
        &self,
        name: &str,
        command: &mut Command,
        port: Option<u16>,
        path: Option<&Path>,
    ) -> Result<Running> {
        command.current_dir(&self.folder);
        Running::start(command, &self.path(&format!("{name}.log")), port, path)
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn redis(place: &Place) -> Result<Started> {
    let (port, path) = (free_port()?, place.path("redis.sock"));
    let mut command = place.programs.command("usr/bin/redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(&path);
    let server = place.start("redis", &mut command, Some(port), Some(&path))?;
    let told = [
        ("REDIS_PORT", port.to_string()),
        ("REDIS_PATH", text(&path)),
    ];
    Ok((server, told.into()))
}

fn nginx(place: &Place) -> Result<Started> {
    let (certificate, key) = certificate(place)?;
    let (port, tls_port, path) = (free_port()?, free_port()?, place.path("nginx.sock"));
    // Bytes without a pattern: a simple generator (xorshift) will do.
    let mut state = 1_u64;
    let large = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let large: Vec<u8> = large.take(LARGE / 8).flatten().collect();
    let large = place.write("www/large", large)?;
    place.write("www/small", "small\n")?;
    let lines: String = (0..10_000).map(|line| format!("line {line}\n")).collect();
    place.write("www/chunked/lines", lines)?;
    let configuration = include_str!("nginx.conf")
        .replace("{port}", &port.to_string())
        .replace("{tls_port}", &tls_port.to_string())
        .replace("{path}", &text(&path))
        .replace("{certificate}", &text(&certificate))
        .replace("{key}", &text(&key))
        .replace("{www}", &text(&place.path("www")));
    let configuration = place.write("nginx.conf", configuration)?;
    let mut command = place.programs.command("usr/sbin/nginx");
    command
        .args(["-e", "stderr", "-p"])
        .arg(&place.folder)
        .arg("-c")
        .arg(&configuration);
    let server = place.start("nginx", &mut command, Some(port), Some(&path))?;
    let told = [
        ("NGINX_PORT", port.to_string()),
        ("NGINX_TLS_PORT", tls_port.to_string()),
        ("NGINX_PATH", text(&path)),
        ("NGINX_LARGE", text(&large)),
        ("CERTIFICATE", text(&certificate)),
        ("KEY", text(&key)),
    ];
    Ok((server, told.into()))
}

/// A server that sends each line back, the last character first.
fn tls_server(place: &Place) -> Result<Started> {
    let (certificate, key) = certificate(place)?;
    let port = free_port()?;
    let mut command = place.programs.command("usr/bin/openssl");
    command
        .args(["s_server", "-rev", "-quiet", "-accept"])
        .arg(format!("127.0.0.1:{port}"))
        .arg("-cert")
        .arg(certificate)
        .arg("-key")
        .arg(key);
    let server = place.start("s_server", &mut command, Some(port), None)?;
    Ok((server, vec![("TLS_PORT", port.to_string())]))
}

/// A self-signed certificate for `localhost`, and its key.
fn certificate(place: &Place) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (place.path("certificate.pem"), place.path("key.pem"));
    if !certificate.exists() {
        let mut openssl = place.programs.command("usr/bin/openssl");
        openssl
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes"])
            .args(["-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate);
        process::output(&mut openssl)?;
    }
    Ok((certificate, key))
}

/// A database for every process that may open its socket. It refuses to run as root, so root runs
/// it as nobody.
fn postgresql(place: &Place) -> Result<Started> {
    let binaries = binaries_of_postgresql(place)?;
    let (data, sockets) = (place.path("database"), place.path("pg"));
    fs::create_dir_all(&data)?;
    fs::create_dir_all(&sockets)?;
    let is_root = process::output(Command::new("id").arg("-u"))?.trim() == "0";
    let unprivileged = |name: &str| {
        let program = place.programs.command(&format!("{binaries}/{name}"));
        if !is_root {
            return program;
        }
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            // The programs may be in a folder that only root may enter, by access(2), too.
            .args([
                "--inh-caps=+dac_read_search",
                "--ambient-caps=+dac_read_search",
            ])
            .arg("--securebits=+no_setuid_fixup")
            .arg(program.get_program());
        let environment = program.get_envs();
        command.envs(environment.filter_map(|(name, value)| Some((name, value?))));
        command
    };
    if is_root {
        let mut give = Command::new("chown");
        process::output(give.arg("65534:65534").args([&data, &sockets]))?;
    }
    let share = place
        .programs
        .folder()
        .join(binaries.replace("lib", "share"));
    let mut prepare = unprivileged("initdb");
    prepare
        .args([
            "--auth=trust",
            "--username=tester",
            "--no-sync",
            "--no-locale",
        ])
        .arg("--encoding=UTF8")
        .arg("-L")
        .arg(share.parent().unwrap_or(&share))
        .arg("-D")
        .arg(&data);
    process::output(&mut prepare)?;
    let mut command = unprivileged("postgres");
    command
        .args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"])
        .arg(&sockets)
        .arg("-D")
        .arg(&data);
    let path = sockets.join(".s.PGSQL.5432");
    let server = place.start("postgresql", &mut command, None, Some(&path))?;
    Ok((server, vec![("POSTGRESQL_PATH", text(&path))]))
}

/// The folder of its programs, which has the number of the version in it.
fn binaries_of_postgresql(place: &Place) -> Result<String> {
    const BASE: &str = "usr/lib/postgresql";
    let mut entries = fs::read_dir(place.programs.folder().join(BASE))?.flatten();
    let version = entries
        .next()
        .with_context(|| format!("{BASE} has no version"))?;
    Ok(format!("{BASE}/{}/bin", version.file_name().display()))
}

/// A player that plays and shows nothing, but answers commands.
fn mpv(place: &Place) -> Result<Started> {
    let path = place.path("mpv.sock");
    let mut command = place.programs.command("usr/bin/mpv");
    command
        .args([
            "--idle",
            "--no-config",
            "--vo=null",
            "--ao=null",
            "--no-terminal",
        ])
        .arg(format!("--input-ipc-server={}", path.display()));
    let server = place.start("mpv", &mut command, None, Some(&path))?;
    Ok((server, vec![("MPV_PATH", text(&path))]))
}
