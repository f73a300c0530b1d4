//! Which servers there are, and how each is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use provision::{Programs, process};

use super::running::{Running, free_port};
use crate::result::Result;

/// A server that the tests talk to.
pub struct Server {
    pub name: &'static str,
    /// Debian's packages.
    pub packages: &'static [&'static str],
    pub start: fn(&Place) -> Result<Started>,
}

/// A server, and what the tests are told of it: environment variables.
pub type Started = (Running, Vec<(&'static str, String)>);

/// Where servers are started: their programs, and a folder for their files.
pub struct Place {
    pub programs: Programs,
    pub folder: PathBuf,
}

pub const SERVERS: [Server; 3] = [
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
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, content))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
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
    let configuration = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr;
events {{ worker_connections 1000; }}
http {{
    access_log off; keepalive_requests 100000;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        listen unix:{path};
        ssl_certificate {certificate}; ssl_certificate_key {key};
        root {www};
        # What may be changed on its way has no length that is known before.
        location /chunked/ {{ ssi on; ssi_types *; }}
    }}
}}
",
        path = path.display(),
        certificate = certificate.display(),
        key = key.display(),
        www = place.path("www").display(),
    );
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

/// A certificate for `localhost` that stands for itself, and its key.
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
