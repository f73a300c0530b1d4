//! Pictures of the addon at work, in a real Godot on a virtual screen. They are a test, too: each
//! waits for what it shows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fs_err::{self as fs, File};
use godot_finder::Screen;
use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, DynamicImage, Frame};

use crate::editor_views::{self, DEBUGGER_PICTURES, VIEWS_PICTURES};
use crate::engine::Engine;
use crate::folder;
use crate::project::Project;
use crate::stage::Profile;
use crate::tally::Tally;

/// The size of the screen, and so of the pictures, in pixels.
const SIZE: (u32, u32) = (1280, 720);

/// The size for pictures of icons. On a screen of at most 800 lines the editor scales everything
/// down.
const SIZE_FOR_ICONS: (u32, u32) = (1440, 810);

/// The least number of colours of a picture. A window that was never drawn has one or two.
const COLOURS: usize = 50;

/// The pictures of the demo.
const DEMO_PICTURES: [&str; 5] = [
    "crowd.png",
    "chat.png",
    "phones.png",
    "inspector.png",
    ANIMATION,
];

/// The page that the demo serves to phones, in a browser.
const PAGE_PICTURE: &str = "phone-page.png";

/// Successive frames of the demo's crowd as one file, and the beginning of the names of their
/// files.
const ANIMATION: &str = "crowd.gif";
const FRAMES: &str = "crowd-";

/// How long the animation shows each frame.
const DELAY: Duration = Duration::from_millis(100);

/// How thoroughly to choose the 256 colours of a frame: from 1, the best, to 30.
const SPEED: i32 = 10;

/// The addon's icon for lists of addons. It is drawn beside the pictures.
pub const ICON: &str = "icon.png";

/// The pictures that the documentation shows.
pub fn pictures() -> Vec<&'static str> {
    let page = [PAGE_PICTURE];
    [
        &DEBUGGER_PICTURES[..],
        &VIEWS_PICTURES,
        &DEMO_PICTURES,
        &page,
    ]
    .concat()
}

/// The folder of the pictures in the documentation.
pub fn images(project: &Project) -> PathBuf {
    project.root().join("docs/images")
}

/// Makes the pictures in `target/photographs`, and counts each as a test. No browser is needed.
pub fn test(engine: &Engine, tally: &mut Tally) {
    photograph(engine, None, tally);
}

/// The same, with pages in the browser that is among the `tools`.
fn photograph(engine: &Engine, tools: Option<&Path>, tally: &mut Tally) {
    if !cfg!(target_os = "linux") {
        return tally.skip("photographs", "Xvfb is for Linux");
    }
    let made = made(engine.project);
    let screen = folder::replace(&made, |_| Ok(()))
        .map_err(anyhow::Error::from)
        .and_then(|()| Screen::start(SIZE.0, SIZE.1));
    let screen = match screen {
        Ok(screen) => screen,
        Err(error) => return tally.check("a screen for photographs", Err(error)),
    };
    let outcome = editor_views::photograph_debugger(engine, &screen, &made);
    tally.check("the debugger, photographed", outcome);
    let outcome = demo(engine, &screen, &made, tools).and_then(|()| animate(&made));
    tally.check("the demo, photographed", outcome);
    let page = tools.map(|_| PAGE_PICTURE);
    for name in DEBUGGER_PICTURES
        .into_iter()
        .chain(DEMO_PICTURES)
        .chain(page)
    {
        tally.check(name, check(&made.join(name)));
    }
}

/// Makes the pictures with the library that ships, and puts them into the documentation.
///
/// `tools` has scripts that start a browser and Python.
pub fn run(project: &Project, tools: &Path, tally: &mut Tally) {
    match Engine::with_addon(project, Profile::Release) {
        Ok(engine) => {
            photograph(&engine, Some(tools), tally);
            views(&engine, tally);
            tally.check(ICON, draw_icon(&engine));
        }
        Err(error) => return tally.check("Godot with the addon", Err(error)),
    }
    let copied = pictures().into_iter().try_for_each(|name| {
        fs::copy(made(project).join(name), images(project).join(name)).map(drop)
    });
    tally.check("the pictures in docs/images", copied.map_err(Into::into));
}

fn made(project: &Project) -> PathBuf {
    project.target().join("photographs")
}

/// Photographs what the addon shows in the editor. This is not among the tests: an editor of 4.6.3
/// in a window often crashes while a script opens its dialogs. Without a window it rarely does.
fn views(engine: &Engine, tally: &mut Tally) {
    let made = made(engine.project);
    let outcome = Screen::start(SIZE_FOR_ICONS.0, SIZE_FOR_ICONS.1)
        .and_then(|screen| editor_views::photograph_views(engine, &screen, &made));
    tally.check("the views of the editor, photographed", outcome);
    for name in VIEWS_PICTURES {
        tally.check(name, check(&made.join(name)));
    }
}

/// Drives the demo in a window.
fn demo(engine: &Engine, screen: &Screen, made: &Path, tools: Option<&Path>) -> Result<()> {
    let mut command = engine.command_on(screen, &engine.project.godot_project());
    command
        .args(["--script", "res://tests/photographs/demo.gd", "--"])
        .arg(made);
    if let Some(tools) = tools {
        command.env("INTEROP_TOOLS", tools);
    }
    engine.run("the demo in a window", &mut command, |_| ())
}

fn draw_icon(engine: &Engine) -> Result<()> {
    let script = engine.project.target().join("draw_icon.gd");
    fs::write(&script, include_str!("draw_icon.gd"))?;
    let images = images(engine.project);
    let mut command = engine.command(&engine.project.godot_project());
    command.arg("--script").arg(script).arg("--");
    command.args([images.join("icon.svg"), images.join(ICON)]);
    engine.run("the icon", &mut command, |_| ())?;
    let (width, height) = image::image_dimensions(images.join(ICON))?;
    ensure!(
        (width, height) == (256, 256),
        "the icon has {width} × {height} pixels"
    );
    Ok(())
}

/// Checks that a picture exists and shows something.
fn check(path: &Path) -> Result<()> {
    let mut colours: Vec<_> = open(path)?.to_rgb8().pixels().copied().collect();
    colours.sort_unstable_by_key(|colour| colour.0);
    colours.dedup();
    let count = colours.len();
    ensure!(count >= COLOURS, "{} has {count} colours", path.display());
    Ok(())
}

fn open(path: &Path) -> Result<DynamicImage> {
    image::open(path).with_context(|| path.display().to_string())
}

/// Writes the frames in `folder`, in the order of their names, as an animation that repeats.
fn animate(folder: &Path) -> Result<()> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(FRAMES) && name.ends_with(".png")
    });
    paths.sort();
    ensure!(
        paths.len() >= 2,
        "there are {} pictures to animate",
        paths.len()
    );
    let file = File::create(folder.join(ANIMATION))?;
    let mut encoder = GifEncoder::new_with_speed(file, SPEED);
    encoder.set_repeat(Repeat::Infinite)?;
    for path in paths {
        let delay = Delay::from_saturating_duration(DELAY);
        encoder.encode_frame(Frame::from_parts(open(&path)?.to_rgba8(), 0, 0, delay))?;
    }
    Ok(())
}
