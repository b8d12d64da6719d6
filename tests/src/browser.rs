//! Chromium, which draws a page where it is installed.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What a person prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark words on a light ground.
    Light,
    /// Light words on a dark ground.
    Dark,
}

/// The picture of a page in a window of this width, as PNG, or `None` where there is no Chromium. The
/// browser keeps what it needs in the folder.
///
/// # Panics
/// When the browser draws nothing.
#[must_use]
pub fn draw(page: &str, width: u32, scheme: Scheme, folder: &Path) -> Option<Vec<u8>> {
    let picture = folder.join(format!("{width}-{scheme:?}.png"));
    let mut browser = Command::new("chromium");
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]);
    browser.args([
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
    ]);
    if scheme == Scheme::Dark {
        browser.arg("--blink-settings=preferredColorScheme=0");
    }
    browser.arg(format!("--user-data-dir={}", folder.join("browser").display()));
    browser.arg(format!("--window-size={width},1200"));
    browser.arg(format!("--screenshot={}", picture.display())).arg(page);
    let drawn = browser.output().ok()?;
    let said = String::from_utf8_lossy(&drawn.stderr);
    let picture = fs::read(&picture).unwrap_or_else(|_| panic!("no picture: {said}"));
    // The width stands in the header.
    assert_eq!(picture[16..20], u32::to_be_bytes(width));
    Some(picture)
}
