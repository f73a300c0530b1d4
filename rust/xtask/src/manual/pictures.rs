//! Photographs of the manual in a headless Chromium, wide and narrow, light and dark.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use provision::Programs;
use provision::process::output;

use super::site;
use crate::project::Project;
use crate::tally::Tally;
use crate::{chromium, folder};

/// What is photographed: the file, the page with the query of its address, the size in pixels and
/// whether it is dark.
type Picture = (&'static str, &'static str, (u32, u32), bool);

/// The sizes of a desktop's window and of a phone.
const WIDE: (u32, u32) = (1280, 800);
const NARROW: (u32, u32) = (390, 844);

#[rustfmt::skip]
const ALL: [Picture; 10] = [
    ("manual.png", "index.html", WIDE, false),
    ("manual-class.png", "classes/StreamPeerSocketGroupRs.html", WIDE, true),
    ("manual-phone.png", "recipes.html", NARROW, true),
    ("manual-search.png", "index.html?q=broadcast", WIDE, false),
    ("manual-index-phone.png", "index.html", NARROW, false),
    ("manual-class-phone.png", "classes/StreamPeerTCPRs.html", NARROW, false),
    ("manual-recipes.png", "recipes-servers.html", WIDE, true),
    ("manual-overview.png", "overview.html", WIDE, true),
    ("manual-differences-phone.png", "differences.html", NARROW, true),
    ("manual-troubleshooting.png", "troubleshooting.html", WIDE, false),
];

/// The pictures that the documents show.
const PICTURES: [&str; 3] = ["manual.png", "manual-class.png", "manual-phone.png"];

/// What a reader may type into the search, and a part of a link that has to be in the first
/// results, outside of their folded lists of more sections.
const QUESTIONS: [(&str, &str); 13] = [
    ("broadcast", "StreamPeerSocketGroupRs"),
    ("broadcast to all but one", "#broadcast-send-to-all"),
    ("why is my peer CONNECTING for ever", "#my-peer-is-stuck-in"),
    ("does it work with TLS?", "#does-it-work-with-tls"),
    ("how do I export my game", "#exporting-a-game"),
    ("how do I export", "#exporting-a-game"),
    (
        "serve a page and a WebSocket to a browser",
        "#serve-a-page-and-a-websocket",
    ),
    (
        "receive a file upload over HTTP as it comes",
        "#receive-a-file-upload",
    ),
    ("migrate from WebSocketPeer", "migrating.html"),
    ("move my script over", "migrating.html"),
    ("address already in use", "#address-already-in-use"),
    ("serve a page", "#serve-a-page-and-a-websocket"),
    ("move from PacketPeerStream", "#from-packetpeerstream"),
];

/// How many results a reader looks at.
const FIRST_RESULTS: usize = 3;

/// Photographs the site into `target/photographs`, and puts some of the pictures into the
/// documentation.
pub fn photograph(project: &Project, tally: &mut Tally) {
    let browser = match Browser::set_up() {
        Ok(browser) => browser,
        Err(error) => return tally.skip("pictures of the manual", format!("{error:#}")),
    };
    let folder = project.target().join("photographs");
    for (name, page, size, is_dark) in ALL {
        let taken = fs::create_dir_all(&folder)
            .map_err(Into::into)
            .and_then(|()| {
                browser.photograph(&site(project), page, size, is_dark, &folder.join(name))
            });
        tally.check(name, taken);
    }
    for (words, title) in QUESTIONS {
        let found = browser.finds(&site(project), words, title);
        tally.check(&format!("a search for {words:?}, without a server"), found);
    }
    let copied = PICTURES.into_iter().try_for_each(|name| {
        fs::copy(
            folder.join(name),
            project.root().join("docs/images").join(name),
        )
        .map(drop)
    });
    tally.check("the manual in docs/images", copied.map_err(Into::into));
}

struct Browser {
    programs: Programs,
}

impl Browser {
    fn set_up() -> Result<Self> {
        let programs = chromium::set_up()?;
        Ok(Self { programs })
    }

    /// Photographs one page. A window is never as narrow as a phone, so the page is in a frame.
    fn photograph(
        &self,
        site: &Path,
        page: &str,
        (width, height): (u32, u32),
        is_dark: bool,
        picture: &Path,
    ) -> Result<()> {
        let frame = site.with_file_name("frame.html");
        let target = format!("site/{page}");
        fs::write(
            &frame,
            format!(
                "<body style=\"margin:0\"><iframe src=\"{target}\" width=\"{width}\" height=\"{height}\" \
                 style=\"border:0\"></iframe>"
            ),
        )?;
        let _ = fs::remove_file(picture);
        let profile = folder::Temporary(site.with_file_name(folder::unique_name("profile")));
        let mut chromium = self.command();
        chromium
            .arg(format!("--user-data-dir={}", profile.0.display()))
            .arg(format!("--window-size={},{}", width.max(600), height + 200))
            // 0 is dark, 1 is light.
            .arg(format!(
                "--blink-settings=preferredColorScheme={}",
                u8::from(!is_dark)
            ))
            .arg(format!("--screenshot={}", picture.display()))
            .arg(format!("file://{}", frame.display()));
        output(&mut chromium).with_context(|| format!("cannot photograph {page}"))?;
        let whole = image::open(picture)?;
        ensure!(
            whole.width() >= width && whole.height() >= height,
            "{} is too small",
            picture.display()
        );
        whole.crop_imm(0, 0, width, height).save(picture)?;
        Ok(())
    }

    /// Checks that a search in the site, opened as a file, shows this link in its first results.
    fn finds(&self, site: &Path, words: &str, link: &str) -> Result<()> {
        let profile = folder::Temporary(site.with_file_name(folder::unique_name("profile")));
        let mut chromium = self.command();
        chromium
            .arg(format!("--user-data-dir={}", profile.0.display()))
            .arg("--dump-dom")
            .arg(format!(
                "file://{}/index.html?q={}",
                site.display(),
                words.replace(' ', "%20").replace('?', "%3F")
            ));
        let page = output(&mut chromium)?;
        let results = page.split("md-search-result__item").skip(1);
        let is_found = results
            .take(FIRST_RESULTS)
            .filter_map(|result| result.split("<details").next())
            .any(|shown| shown.contains(link));
        ensure!(is_found, "{words} does not find {link}");
        Ok(())
    }

    fn command(&self) -> Command {
        let program: PathBuf = self.programs.folder().join(chromium::PROGRAM);
        let mut command = Command::new(program);
        command
            .envs(self.programs.environment())
            // A container has no user namespaces for its sandbox, and all pages are our own.
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
            ])
            .args(["--no-first-run", "--virtual-time-budget=8000"]);
        command
    }
}
