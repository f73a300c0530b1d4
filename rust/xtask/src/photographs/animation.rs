//! Pictures that follow each other, as one file.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame};

use crate::result::Result;

/// How long each picture is seen.
const DELAY: Duration = Duration::from_millis(100);

/// How hard to look for the best 256 colours, from 1, the best, to 30.
const SPEED: i32 = 10;

/// Writes the pictures in `folder` whose names begin with `prefix`, in the order of their names, as an animation that begins
/// anew when it ends.
pub fn write(folder: &Path, prefix: &str, to: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    let is_one = |path: &Path| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| name.starts_with(prefix) && name.ends_with(".png"))
    };
    paths.retain(|path| is_one(path));
    paths.sort();
    if paths.len() < 2 {
        return Err(format!("there are {} pictures to animate", paths.len()));
    }
    let failed = |error: image::ImageError| format!("{}: {error}", to.display());
    let file = File::create(to).map_err(|error| format!("{}: {error}", to.display()))?;
    let mut encoder = GifEncoder::new_with_speed(file, SPEED);
    encoder.set_repeat(Repeat::Infinite).map_err(failed)?;
    for path in paths {
        let picture = image::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let delay = Delay::from_saturating_duration(DELAY);
        let frame = Frame::from_parts(picture.to_rgba8(), 0, 0, delay);
        encoder.encode_frame(frame).map_err(failed)?;
    }
    Ok(())
}
