//! What `doctor` finds out about the toolchain: what is there, what is
//! missing, and what to type then.

use std::path::Path;

use serde::Serialize;

use crate::debian::missing_programs;
use crate::jco::Node;
use crate::packages::DATA;
use crate::target::{self, Origin, State};
use crate::toolchain::Toolchain;
use crate::{cargo_hack, jco, libc, unwinding, wasmtime};
use wasip2_ground::{Console, Home, Process, TARGET};

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub name: String,
    pub state: Condition,
    /// What was found, or what its lack means.
    pub detail: String,
    /// What to type to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How it is with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    Ok,
    /// It is needed.
    Missing,
    /// It is not there, and only some uses need it.
    Optional,
}

impl Finding {
    fn ok(name: &str, detail: impl Into<String>) -> Finding {
        Finding {
            name: name.to_owned(),
            state: Condition::Ok,
            detail: detail.into(),
            advice: None,
        }
    }

    fn lacking(
        name: &str,
        state: Condition,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding {
            advice: Some(advice.into()),
            state,
            ..Finding::ok(name, detail)
        }
    }
}

/// Looks at everything that building for the target needs. Nothing is
/// changed.
pub fn findings(home: &Home, console: &Console) -> Vec<Finding> {
    let toolchain = match Toolchain::active(console) {
        Ok(toolchain) => toolchain,
        Err(error) => {
            return vec![
                Finding::lacking(
                    "rustc",
                    Condition::Missing,
                    format!("{error:#}"),
                    "install Rust from https://rustup.rs",
                ),
                git(console),
            ];
        }
    };
    let target = target(&toolchain, home, console);
    let have_target = target.state == Condition::Ok;
    let mut findings = vec![
        Finding::ok(
            "rustc",
            format!(
                "{} ({}) for {}, sysroot {}",
                toolchain.release,
                toolchain
                    .commit_hash
                    .as_deref()
                    .map_or("unknown commit", |hash| &hash[..9]),
                toolchain.host,
                toolchain.sysroot.display()
            ),
        ),
        cargo(&toolchain, console),
        rustup(&toolchain, console),
        target,
    ];
    findings.extend(linkers(&toolchain));
    findings.extend(DATA.libc.iter().map(|variant| {
        let name = format!("wasi-libc {}", variant.variant);
        match libc::kept(variant, home) {
            Some(libc) => Finding::ok(
                &name,
                format!(
                    "{}, in {}",
                    libc.version,
                    home.root().join("libc").join(libc.variant).display()
                ),
            ),
            None => Finding::lacking(
                &name,
                Condition::Optional,
                format!("not fetched; {}", variant.about),
                format!("cargo wasip2 setup --libc {}", variant.variant),
            ),
        }
    }));
    findings.push(unwinding_std(&toolchain, home));
    findings.push(package_programs(have_target));
    findings.push(git(console));
    findings.push(clang(home, console));
    findings.push(match cargo_hack::kept(home) {
        Some(program) => Finding::ok(
            "cargo-hack",
            format!("{}, {}", DATA.cargo_hack.version, program.display()),
        ),
        None => Finding {
            state: Condition::Optional,
            ..Finding::ok(
                "cargo-hack",
                format!("{} is built when a verb needs it", DATA.cargo_hack.version),
            )
        },
    });
    findings.push(wasmtime_command(home, console));
    findings.push(jco_on_node(home, console));
    findings
}

/// The first line that a program prints about its version.
fn version(program: impl AsRef<std::ffi::OsStr>, console: &Console) -> Option<String> {
    let output = Process::new(program)
        .arg("--version")
        .output(console)
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

fn cargo(toolchain: &Toolchain, console: &Console) -> Finding {
    match version(&toolchain.cargo, console) {
        Some(version) => Finding::ok("cargo", version),
        None => Finding::lacking(
            "cargo",
            Condition::Missing,
            format!("{} does not run", toolchain.cargo.to_string_lossy()),
            "install Rust from https://rustup.rs",
        ),
    }
}

fn rustup(toolchain: &Toolchain, console: &Console) -> Finding {
    match (version("rustup", console), toolchain.rustup_name()) {
        (Some(version), Some(name)) => Finding::ok("rustup", format!("{version}; manages {name}")),
        (Some(version), None) => Finding::ok(
            "rustup",
            format!("{version}; does not manage the active toolchain"),
        ),
        (None, _) => Finding::lacking(
            "rustup",
            Condition::Optional,
            "not installed; the target comes from Debian packages then",
            "install rustup from https://rustup.rs",
        ),
    }
}

fn target(toolchain: &Toolchain, home: &Home, console: &Console) -> Finding {
    let advice = "cargo wasip2 setup";
    let state = match target::inspect(toolchain, &toolchain.sysroot, home, console) {
        Ok(state) => state,
        Err(error) => {
            return Finding::lacking(TARGET, Condition::Missing, format!("{error:#}"), advice);
        }
    };
    let shipped = || {
        let archive = target::directory(&toolchain.sysroot).join("lib/self-contained/libc.a");
        match libc::recognize(&archive, home) {
            Some(variant) => format!("wasi-libc {variant}"),
            None => "with a wasi-libc of its own".to_owned(),
        }
    };
    match state {
        State::Whole(Origin::Rustup) => {
            Finding::ok(TARGET, format!("installed by rustup, {}", shipped()))
        }
        State::Whole(Origin::ThisTool(marker)) => Finding::ok(
            TARGET,
            format!(
                "made by {} from Debian packages, wasi-libc {}",
                marker.made_by, marker.libc
            ),
        ),
        State::Whole(Origin::Other) => Finding::ok(
            TARGET,
            format!("not installed by rustup or this tool, links; {}", shipped()),
        ),
        State::Missing => Finding::lacking(TARGET, Condition::Missing, "not installed", advice),
        State::Unfit { ours: true, reason } => {
            Finding::lacking(TARGET, Condition::Missing, reason, advice)
        }
        State::Unfit {
            ours: false,
            reason,
        } => Finding::lacking(
            TARGET,
            Condition::Missing,
            reason,
            "cargo wasip2 setup --force",
        ),
    }
}

fn unwinding_std(toolchain: &Toolchain, home: &Home) -> Finding {
    let name = "unwinding std";
    match unwinding::finding(toolchain, home) {
        Ok(detail) => Finding::ok(name, detail),
        Err(reason) => Finding::lacking(
            name,
            Condition::Optional,
            reason.unwrap_or_else(|| "not made; only `--panic unwind` needs it".to_owned()),
            "cargo wasip2 setup --panic unwind",
        ),
    }
}

fn wasmtime_command(home: &Home, console: &Console) -> Finding {
    let name = "wasmtime";
    let advice = "cargo wasip2 setup --wasmtime";
    match wasmtime::wasmtime(home) {
        Some(program) => match version(&program, console) {
            Some(version) => Finding::ok(name, format!("{version}, {}", program.display())),
            None => Finding::lacking(
                name,
                Condition::Optional,
                format!("{} does not run", program.display()),
                advice,
            ),
        },
        None => Finding::lacking(
            name,
            Condition::Optional,
            "not there; only `--host wasmtime` needs it",
            advice,
        ),
    }
}

fn jco_on_node(home: &Home, console: &Console) -> Finding {
    let name = "jco";
    let node = match Node::find(console) {
        Ok(node) => node,
        Err(error) => {
            return Finding {
                state: Condition::Optional,
                ..Finding::ok(name, error.to_string())
            };
        }
    };
    match jco::kept(home) {
        Some(directory) => Finding::ok(
            name,
            format!("{}, on Node.js {}", directory.display(), node.version),
        ),
        None => Finding::lacking(
            name,
            Condition::Optional,
            "not installed; only `--host jco` needs it, and installs it",
            "cargo wasip2 setup --jco",
        ),
    }
}

/// What rustc starts to link a component; rustc looks into its own directory
/// before `PATH`.
fn linkers(toolchain: &Toolchain) -> impl Iterator<Item = Finding> {
    let own = toolchain
        .sysroot
        .join("lib/rustlib")
        .join(&toolchain.host)
        .join("bin");
    ["wasm-component-ld", "rust-lld"]
        .into_iter()
        .map(move |name| {
            let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
            let inside = Some(own.join(&file)).filter(|path| path.is_file());
            match inside.or_else(|| which::which(name).ok()) {
                Some(path) => Finding::ok(name, path.display().to_string()),
                None => Finding::lacking(
                    name,
                    Condition::Missing,
                    format!("neither in {} nor on PATH", Path::new(&own).display()),
                    "use a toolchain from rustup, which has it",
                ),
            }
        })
}

fn package_programs(have_target: bool) -> Finding {
    let missing = missing_programs();
    if missing.is_empty() {
        return Finding::ok(
            "apt",
            "Debian packages can be fetched, verified and unpacked",
        );
    }
    Finding::lacking(
        "apt",
        if have_target {
            Condition::Optional
        } else {
            Condition::Missing
        },
        format!(
            "without {} nothing can be taken from Debian packages",
            missing.join(", ")
        ),
        install("apt dpkg tar gpgv"),
    )
}

fn git(console: &Console) -> Finding {
    match version("git", console) {
        Some(version) => Finding::ok("git", version),
        None => Finding::lacking(
            "git",
            Condition::Missing,
            "patches are applied with it",
            install("git"),
        ),
    }
}

/// What C is compiled with. Nothing is fetched for the answer.
fn clang(home: &Home, console: &Console) -> Finding {
    let fetched = home.root().join("services/clang-for-wasm/clang");
    let found = ["clang", "clang-19"]
        .map(Into::into)
        .into_iter()
        .chain([fetched])
        .find_map(|program: std::path::PathBuf| {
            let version = version(&program, console)?;
            Some((program, version))
        });
    match found {
        Some((program, version)) => Finding::ok(
            "clang",
            format!(
                "{version}, {}; `init` has C compiled with it",
                program.display()
            ),
        ),
        None => Finding::lacking(
            "clang",
            Condition::Optional,
            "only dependencies written in C (ring, aws-lc-sys, zstd) need it",
            "cargo wasip2 setup --clang",
        ),
    }
}

/// How packages of the system are installed here.
fn install(packages: &str) -> String {
    if which::which("apt-get").is_ok() {
        format!("sudo apt-get install {packages}")
    } else {
        format!("install {packages} with this system's package manager")
    }
}
