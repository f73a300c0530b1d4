//! A virtual screen for a Godot that draws: Xvfb, from PATH or set up with Godot for this user
//! alone.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use provision::process;

use crate::debian;

/// A screen that exists until this value is dropped.
pub struct Screen {
    server: Child,
    display: String,
    size: String,
}

impl Screen {
    /// Starts one of `width` by `height` pixels.
    pub fn start(width: u32, height: u32) -> Result<Self> {
        let program = match process::on_path("Xvfb") {
            Some(program) => program,
            None => debian::screen()?,
        };
        let size = format!("{width}x{height}");
        let mut server = Command::new(&program)
            // It chooses a free display, and writes the number.
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset"])
            .args(["-screen", "0", &format!("{size}x24")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let output = server.stdout.take().map(BufReader::new);
        let display = String::new();
        let mut screen = Self {
            server,
            display,
            size,
        };
        let read = output.map(|mut output| output.read_line(&mut screen.display));
        if !matches!(read, Some(Ok(1..))) {
            bail!("cannot start {}: it named no display", program.display());
        }
        screen.display = format!(":{}", screen.display.trim());
        Ok(screen)
    }

    /// Its size in pixels, such as `1280x720`.
    pub fn size(&self) -> &str {
        &self.size
    }

    /// Makes a program draw on this screen, with Mesa's software rasteriser on every machine.
    pub fn apply(&self, command: &mut Command) {
        command
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .env("LIBGL_ALWAYS_SOFTWARE", "1");
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
