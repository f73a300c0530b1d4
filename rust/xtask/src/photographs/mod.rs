//! Pictures of the addon at work: in a real Godot, on a screen that nobody sees. They are a test, too: what is to be seen is
//! waited for.

mod animation;

use std::fs;
use std::path::{Path, PathBuf};

use godot_finder::{Godot, Screen};

use crate::project::Project;
use crate::result::Result;
use crate::stage::{self, Profile};
use crate::tally::Tally;
use crate::{debugger_tab, editor_views, folder, headless};

/// The screen, in pixels, and so the pictures.
const SIZE: (u32, u32) = (1280, 720);

/// A screen on which the editor shows icons in their own size. On one that is at most 800 high it makes everything smaller.
const SIZE_FOR_ICONS: (u32, u32) = (1440, 810);

/// A picture shows something if it has so many colours. A window that was never drawn has one or two.
const COLOURS: usize = 50;

/// The pictures that the documentation shows.
pub const PICTURES: [&str; 9] = [
    debugger_tab::PICTURES[0],
    debugger_tab::PICTURES[1],
    editor_views::PICTURES[0],
    editor_views::PICTURES[1],
    editor_views::PICTURES[2],
    "crowd.png",
    "chat.png",
    "inspector.png",
    ANIMATION,
];

/// Frames of the demo's crowd that follow each other, and what the names of their files begin with.
const ANIMATION: &str = "crowd.gif";
const FRAMES: &str = "crowd-";

/// The addon's icon for those who list addons. It is drawn beside them.
pub const ICON: &str = "icon.png";

/// The folder of the pictures in the documentation.
pub fn images(project: &Project) -> PathBuf {
    project.root().join("docs/images")
}

/// Makes the pictures in `target/photographs`, and counts each as a test.
pub fn test(project: &Project, godot: &Godot, tally: &mut Tally) {
    if !cfg!(target_os = "linux") {
        return tally.skip("photographs", "Xvfb is for Linux");
    }
    let made = project.target().join("photographs");
    let ready = folder::replace(&made, |_| Ok(()))
        .map_err(|error| format!("cannot create {}: {error}", made.display()))
        .and_then(|()| Screen::start(SIZE.0, SIZE.1));
    let screen = match ready {
        Ok(screen) => screen,
        Err(reason) => return tally.check("a screen for photographs", Err(reason)),
    };
    let outcome = debugger_tab::photograph(project, godot, &screen, &made);
    tally.check("the debugger, photographed", outcome);
    let outcome = demo(project, godot, &screen, &made)
        .and_then(|()| animation::write(&made, FRAMES, &made.join(ANIMATION)));
    tally.check("the demo, photographed", outcome);
    let of_views = |name: &&str| editor_views::PICTURES.contains(name);
    for name in PICTURES.into_iter().filter(|name| !of_views(name)) {
        tally.check(name, check(&made.join(name)));
    }
}

/// Makes the pictures with the library that ships, and puts them into the documentation.
pub fn run(project: &Project, tally: &mut Tally) {
    let images = images(project);
    match stage::build_and_stage(project, Profile::Release).and_then(|()| Godot::find()) {
        Ok(godot) => {
            test(project, &godot, tally);
            views(project, &godot, tally);
            tally.check(ICON, draw_icon(project, &godot, &images));
        }
        Err(reason) => return tally.check("Godot with the addon", Err(reason)),
    }
    let copied = PICTURES.into_iter().try_for_each(|name| {
        let from = project.target().join("photographs").join(name);
        fs::copy(from, images.join(name)).map(drop)
    });
    let copied = copied.map_err(|error| format!("cannot write {}: {error}", images.display()));
    tally.check("the pictures in docs/images", copied);
}

/// Photographs what the addon shows in the editor. No test: an editor in a window, of 4.6.3, now and then crashes while its
/// dialogs are opened by a script, which it does not without a window.
fn views(project: &Project, godot: &Godot, tally: &mut Tally) {
    let made = project.target().join("photographs");
    let outcome = Screen::start(SIZE_FOR_ICONS.0, SIZE_FOR_ICONS.1)
        .and_then(|screen| editor_views::photograph(project, godot, &screen, &made));
    tally.check("what the editor shows, photographed", outcome);
    for name in editor_views::PICTURES {
        tally.check(name, check(&made.join(name)));
    }
}

/// Drives the demo in a window.
fn demo(project: &Project, godot: &Godot, screen: &Screen, made: &Path) -> Result<()> {
    let mut command = headless::command_on(screen, project, godot, &project.godot_project());
    command
        .args(["--script", "res://tests/photographs/demo.gd", "--"])
        .arg(made);
    headless::run(project, "the demo in a window", &mut command, |_| ())
}

fn draw_icon(project: &Project, godot: &Godot, images: &Path) -> Result<()> {
    let script = project.target().join("draw_icon.gd");
    fs::write(&script, include_str!("draw_icon.gd"))
        .map_err(|error| format!("cannot write {}: {error}", script.display()))?;
    let mut command = headless::command(project, godot, &project.godot_project());
    command.arg("--script").arg(script).arg("--");
    command.args([images.join("icon.svg"), images.join(ICON)]);
    headless::run(project, "the icon", &mut command, |_| ())?;
    let drawn = image::image_dimensions(images.join(ICON));
    match drawn.map_err(|error| format!("{ICON}: {error}"))? {
        (256, 256) => Ok(()),
        (width, height) => Err(format!("the icon has {width} × {height} pixels")),
    }
}

/// That a picture is there and shows something.
fn check(path: &Path) -> Result<()> {
    let picture = image::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut colours: Vec<_> = picture.to_rgb8().pixels().copied().collect();
    colours.sort_unstable_by_key(|colour| colour.0);
    colours.dedup();
    match colours.len() {
        COLOURS.. => Ok(()),
        count => Err(format!("{} has {count} colours", path.display())),
    }
}
