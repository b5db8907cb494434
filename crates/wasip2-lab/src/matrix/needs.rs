//! Whether a program that a setting needs is on this machine.

use std::process::Command;

use super::plan::Needs;
use wasip2_ground::Home;
use wasip2_toolchain::wasmtime;

/// What is wrong with it, if anything is. What this tool has of its own
/// counts before what is on `PATH`, as it does for whoever runs it.
pub fn missing(needs: &Needs, home: &Home) -> Option<String> {
    let Needs {
        program,
        at_least,
        install,
    } = needs;
    let own = match &**program {
        "wasmtime" => wasmtime::kept(home),
        _ => None,
    };
    let found = own.unwrap_or_else(|| program.into());
    let output = match Command::new(found).arg("--version").output() {
        Ok(output) if output.status.success() => output,
        Ok(output) => {
            return Some(format!(
                "`{program} --version` failed ({}); {install}",
                output.status
            ));
        }
        Err(_) => return Some(format!("`{program}` is not on PATH; {install}")),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    match version(&said) {
        None => Some(format!(
            "`{program} --version` prints no version; {install}"
        )),
        Some(version) if version < *at_least => Some(format!(
            "`{program}` is {version}, and {at_least} is needed; {install}"
        )),
        Some(_) => None,
    }
}

/// The first version in `text`.
fn version(text: &str) -> Option<semver::Version> {
    text.split_whitespace()
        .find_map(|word| word.trim_start_matches('v').parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found() {
        let of = |text: &str| version(text).map(|version| version.to_string());
        assert_eq!(of("wasmtime 48.0.8 (abc 2026)").as_deref(), Some("48.0.8"));
        assert_eq!(of("v20.20.2\n").as_deref(), Some("20.20.2"));
        assert_eq!(of("no"), None);
    }
}
