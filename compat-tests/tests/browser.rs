//! A browser that looks at a page, where there is one.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The names that browsers of this family have.
const BROWSERS: [&str; 5] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// What the page became once its scripts had run.
pub fn dom(address: &str, size: &str) -> String {
    let output = look(address, size, &["--dump-dom".to_owned()]);
    String::from_utf8(output.stdout).unwrap()
}

/// Draws the page into a file.
pub fn picture(address: &str, size: &str, file: &Path) {
    look(address, size, &[format!("--screenshot={}", file.display())]);
}

/// Has the browser open the page; it may complain of nothing.
fn look(address: &str, size: &str, arguments: &[String]) -> Output {
    let browser = std::env::var("CHROMIUM").unwrap_or_else(|_| {
        let runs = |name: &&&str| {
            let version = Command::new(name).arg("--version").output();
            version.is_ok_and(|output| output.status.success())
        };
        let found = BROWSERS.iter().find(runs);
        found
            .expect("Chromium is on PATH, or CHROMIUM names it")
            .to_string()
    });
    let directory = TempDir::new().unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
        ])
        .arg(format!("--window-size={size}"))
        .arg(format!("--user-data-dir={}", directory.path().display()))
        .args(arguments)
        .arg(address)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // What the browser complains of in a page, it logs so.
    assert!(!said.contains("CONSOLE"), "{said}");
    output
}
