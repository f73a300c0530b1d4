//! A screen that nobody sees, for a Godot that is to draw: Xvfb, from PATH or set up with Godot for this user alone.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::{fs, io};

use provision::process;

use crate::debian;

/// A screen that is there until this value goes.
pub struct Screen {
    server: Child,
    display: String,
    size: String,
}

impl Screen {
    /// Starts one of so many pixels. The error is a sentence for the user.
    pub fn start(width: u32, height: u32) -> Result<Self, String> {
        let program = match process::on_path("Xvfb") {
            Some(program) => program,
            None => debian::screen()?,
        };
        let size = format!("{width}x{height}");
        let failed = |reason: String| format!("{} does not start: {reason}", program.display());
        let mut server = Command::new(&program)
            // It chooses a display that is free, and writes its number.
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset"])
            .args(["-screen", "0", &format!("{size}x24")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let output = server.stdout.take().map(BufReader::new);
        let mut screen = Self {
            server,
            display: String::new(),
            size,
        };
        let mut number = String::new();
        let read = output.map(|mut output| output.read_line(&mut number));
        match read {
            Some(Ok(count)) if count > 0 => {
                screen.display = format!(":{}", number.trim());
                Ok(screen)
            }
            _ => Err(failed("it has named no display".into())),
        }
    }

    /// Its size in pixels, such as `1280x720`.
    pub fn size(&self) -> &str {
        &self.size
    }

    /// Has a program draw on this screen, by Mesa's software rasteriser, whatever the machine has.
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

/// Xvfb, with the program that it starts for the keyboard's layout.
pub(crate) const PACKAGES: [&str; 2] = ["xvfb", "x11-xkb-utils"];

/// The script that starts Xvfb, in the folder that it is set up in.
pub(crate) const PROGRAM: &str = "xvfb";

/// What it starts, beside it.
const KEYBOARD: &str = "xkbcomp";

/// Where Xvfb looks for that, and ends without it. No option says otherwise.
const KEYBOARD_FOLDER: &[u8] = b"/usr/bin\0";

/// Writes what starts Xvfb into the folder that it was unpacked to. `script` makes a script that starts a program in `usr/bin`,
/// with options of its own, after something else.
pub(crate) fn write_programs(
    folder: &Path,
    script: impl Fn(&str, &str) -> String,
) -> io::Result<()> {
    let original = folder.join("usr/bin/Xvfb");
    let mut program = fs::read(&original)?;
    let place = program
        .windows(KEYBOARD_FOLDER.len())
        .position(|bytes| bytes == KEYBOARD_FOLDER)
        .ok_or_else(|| io::Error::other("Xvfb does not say where it looks for xkbcomp"))?;
    // The folder that it is started in.
    program[place..][..2].copy_from_slice(b".\0");
    fs::write(original, program)?;
    process::write_program(&folder.join(KEYBOARD), &script("", KEYBOARD))?;
    let screen = script(
        "cd \"$prefix\" || exit",
        "Xvfb -xkbdir \"$XKB_CONFIG_ROOT\"",
    );
    process::write_program(&folder.join(PROGRAM), &screen)
}
