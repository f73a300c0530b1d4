//! Chromium of Debian, for pictures of the manual, and for pages that a game serves.

use anyhow::Result;
use provision::Programs;

/// Raised when the packages change.
const REVISION: u32 = 1;

/// Where the program is below the folder of [`set_up`].
pub const PROGRAM: &str = "usr/lib/chromium/chromium";

/// Sets it up in the cache.
pub fn set_up() -> Result<Programs> {
    let packages = ["chromium", "fonts-dejavu-core"];
    let what = "Chromium (200 MB to download, once)";
    Programs::set_up(&format!("chromium-{REVISION}"), what, &packages)
}
