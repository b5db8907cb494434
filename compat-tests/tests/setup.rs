//! `setup`, driven through its command line against a Debian archive, a
//! compiler, a cargo and a rustup that are made here.
//!
//! The archive is real but tiny: packages made by dpkg-deb, an index signed by
//! gpg, served on loopback by a server that can break off a download. The
//! compiler and cargo are scripts that print what the real ones would, so that
//! no standard library is built. apt, dpkg-deb, tar and gpgv are the system's.
//! The programs that [`programs::find`] unpacks come from such an archive, too.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use wasip2_ground::console::{Console, Verbosity};
use wasip2_ground::home::Home;
use wasip2_toolchain::programs::{self, Found};

use crate::tool::program;

const TARGET: &str = "wasm32-wasip2";
/// The suite that is asked first.
const SUITE: &str = "trixie-backports";
const RUST_SRC: &str = "1.95.0+dfsg1-99";
const LIBC: &str = "0.0~git20260129.ec0effd-99";

/// Runs a program of the system to its end.
fn tool(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("these tests need `{program}`, which cannot run: {error}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Two keys of OpenPGP, made once: one that is trusted, one that is not.
struct Keys {
    home: tempfile::TempDir,
    trusted: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Signer {
    Trusted,
    Stranger,
    Nobody,
}

impl Keys {
    fn get() -> &'static Mutex<Keys> {
        static KEYS: OnceLock<Mutex<Keys>> = OnceLock::new();
        KEYS.get_or_init(|| {
            let home = tempfile::Builder::new()
                .prefix("gpg")
                .tempdir_in("/tmp")
                .unwrap();
            fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
            let mut keys = Keys {
                home,
                trusted: Vec::new(),
            };
            for name in ["trusted@example.test", "stranger@example.test"] {
                keys.gpg(&["--quick-generate-key", name, "ed25519", "sign", "never"]);
            }
            keys.trusted = keys.gpg(&["--export", "trusted@example.test"]);
            Mutex::new(keys)
        })
    }

    fn gpg(&self, arguments: &[&str]) -> Vec<u8> {
        let home = self.home.path().to_str().unwrap();
        let fixed = [
            "--homedir",
            home,
            "--batch",
            "--quiet",
            "--yes",
            "--passphrase",
            "",
        ];
        let made = tool("gpg", &[&fixed, arguments].concat());
        // It would outlive the test.
        tool("gpgconf", &["--homedir", home, "--kill", "gpg-agent"]);
        made
    }
}

/// What the server does and has seen.
#[derive(Default)]
struct Traffic {
    /// Breaks off after so many bytes of a file whose name ends so.
    cut: Option<(&'static str, usize)>,
    /// The path of every request, with its `Range`.
    requests: Vec<(String, Option<String>)>,
}

/// Serves the files below a directory on loopback.
fn serve(root: PathBuf) -> (u16, Arc<Mutex<Traffic>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let traffic = Arc::new(Mutex::new(Traffic::default()));
    let seen = traffic.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (root, seen) = (root.clone(), seen.clone());
            // A client that hangs up does not matter to the test.
            std::thread::spawn(move || drop(answer(stream.unwrap(), &root, &seen)));
        }
    });
    (port, traffic)
}

fn answer(mut stream: TcpStream, root: &Path, traffic: &Mutex<Traffic>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    loop {
        let Some(first) = lines.next() else {
            return Ok(());
        };
        let first = first?;
        let path = first
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .replace("%2b", "+");
        let path = path
            .replace("%7e", "~")
            .replace("%2B", "+")
            .replace("%7E", "~");
        let mut range = None;
        for line in lines.by_ref() {
            let line = line?;
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("Range: ") {
                range = Some(value.to_owned());
            }
        }
        let cut = {
            let mut traffic = traffic.lock().unwrap();
            traffic.requests.push((path.clone(), range.clone()));
            traffic.cut.filter(|(suffix, _)| path.ends_with(suffix))
        };
        let Ok(body) = fs::read(root.join(path.trim_start_matches('/'))) else {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        let from: usize = range
            .as_deref()
            .and_then(|range| {
                range
                    .strip_prefix("bytes=")?
                    .strip_suffix('-')?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        let status = if range.is_some() {
            "206 Partial Content"
        } else {
            "200 OK"
        };
        let header = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Range: bytes {from}-{}/{}\r\n\
             Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nAccept-Ranges: bytes\r\n\r\n",
            body.len() - from,
            body.len() - 1,
            body.len()
        );
        stream.write_all(header.as_bytes())?;
        if let Some((_, length)) = cut {
            return stream.write_all(&body[from..length]);
        }
        stream.write_all(&body[from..])?;
    }
}

/// A package of the archive.
pub struct Deb {
    name: &'static str,
    version: String,
    depends: &'static str,
    files: Vec<(String, Vec<u8>)>,
}

/// A package with one file.
fn with_file(name: &'static str, depends: &'static str, file: &str) -> Deb {
    Deb {
        name,
        version: "1:1.0-1".into(),
        depends,
        files: vec![(file.into(), name.into())],
    }
}

fn rust_src(version: &str) -> Deb {
    Deb {
        name: "rust-src",
        version: version.into(),
        depends: "",
        files: vec![
            (
                "usr/src/rustc-1.95.0/library/sysroot/Cargo.toml".into(),
                b"[package]\n".to_vec(),
            ),
            (
                "usr/src/rustc-1.95.0/compiler/not-needed".into(),
                Vec::new(),
            ),
            // So that a part of it can be cut off.
            (
                "usr/src/rustc-1.95.0/library/bulk".into(),
                vec![b'r'; 200_000],
            ),
        ],
    }
}

fn wasi_libc(version: &str) -> Deb {
    let files = ["libc.a", "crt1-command.o", "crt1-reactor.o"];
    let mut files: Vec<(String, Vec<u8>)> = files
        .iter()
        .map(|name| (format!("usr/lib/{TARGET}/{name}"), name.as_bytes().to_vec()))
        .collect();
    files.push((
        format!("usr/include/{TARGET}/stdio.h"),
        b"int puts();".to_vec(),
    ));
    Deb {
        name: "wasi-libc",
        version: version.into(),
        depends: "",
        files,
    }
}

/// What the archive is like.
pub struct Archive {
    debs: Vec<Deb>,
    signer: Signer,
    /// When the index expires, for date(1).
    valid_until: &'static str,
}

impl Default for Archive {
    fn default() -> Archive {
        Archive {
            debs: vec![rust_src(RUST_SRC), wasi_libc(LIBC)],
            signer: Signer::Trusted,
            valid_until: "+7 days",
        }
    }
}

impl Archive {
    fn publish(&self, root: &Path) {
        let mut index = String::new();
        for deb in &self.debs {
            let tree = root
                .join("tree")
                .join(format!("{}_{}", deb.name, deb.version));
            let mut control = format!(
                "Package: {}\nVersion: {}\nArchitecture: all\nMaintainer: Nobody <n@example.test>\n\
                 Description: made for a test\n",
                deb.name, deb.version
            );
            if !deb.depends.is_empty() {
                control += &format!("Depends: {}\n", deb.depends);
            }
            write(&tree.join("DEBIAN/control"), control.as_bytes());
            for (name, content) in &deb.files {
                write(&tree.join(name), content);
            }
            let path = format!("pool/{}_{}_all.deb", deb.name, deb.version);
            let file = root.join(&path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let (from, to) = (tree.to_str().unwrap(), file.to_str().unwrap());
            tool(
                "dpkg-deb",
                &["-Znone", "--root-owner-group", "--build", from, to],
            );
            let content = fs::read(&file).unwrap();
            index += &format!(
                "{control}Filename: {path}\nSize: {}\nSHA256: {}\n\n",
                content.len(),
                sha256(&content)
            );
        }
        let architecture = tool("dpkg", &["--print-architecture"]);
        let architecture = String::from_utf8(architecture).unwrap();
        let name = format!("main/binary-{}/Packages", architecture.trim());
        let suite = root.join("dists").join(SUITE);
        write(&suite.join(&name), index.as_bytes());
        let date = |when: &str| {
            let text = tool("date", &["-u", "-d", when, "+%a, %d %b %Y %H:%M:%S UTC"]);
            String::from_utf8(text).unwrap().trim().to_owned()
        };
        let release = format!(
            "Origin: Test\nSuite: {SUITE}\nCodename: {SUITE}\nDate: {}\nValid-Until: {}\n\
             Architectures: all {architecture}No-Support-for-Architecture-all: Packages\n\
             Components: main\nSHA256:\n {} {} {name}\n",
            date("-30 days"),
            date(self.valid_until),
            sha256(index.as_bytes()),
            index.len()
        );
        let file = suite.join("Release");
        write(&file, release.as_bytes());
        let user = match self.signer {
            Signer::Nobody => return,
            Signer::Trusted => "trusted@example.test",
            Signer::Stranger => "stranger@example.test",
        };
        let (from, to) = (file.to_str().unwrap(), suite.join("InRelease"));
        let to = to.to_str().unwrap();
        let keys = Keys::get().lock().unwrap();
        keys.gpg(&["--local-user", user, "--output", to, "--clearsign", from]);
        fs::remove_file(&file).unwrap();
    }
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn script(path: &Path, text: &str) {
    write(path, format!("#!/bin/sh\n{text}").as_bytes());
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A machine: a home, a toolchain, and an apt that knows the archive.
pub struct Machine {
    /// Everything is in here; the name has a space, as homes may have.
    directory: tempfile::TempDir,
    traffic: Arc<Mutex<Traffic>>,
}

/// Prints what `cargo build --message-format json` does; `$FAKE_CARGO_WAITS`
/// names a file that it waits for.
const CARGO: &str = r#"
directory=$(dirname "$0")
echo "$RUSTFLAGS|$CARGO_ENCODED_RUSTFLAGS|$CARGO_PROFILE_RELEASE_LTO|$PWD" >> "$directory/cargo.log"
while [ $# -gt 0 ]; do
    [ "$1" = --target-dir ] && target=$2
    shift
done
out="$target/wasm32-wasip2/release/deps"
mkdir -p "$out"
touch "$out/libstale-0.rlib"
while [ -n "$FAKE_CARGO_WAITS" ] && [ ! -e "$FAKE_CARGO_WAITS" ]; do sleep 0.05; done
for name in core std test; do
    echo "$name" > "$out/lib$name-1.rlib"
    echo '{"reason":"compiler-artifact","package_id":"p","manifest_path":"/m","target":{"kind":["lib"],"crate_types":["lib"],"name":"'$name'","src_path":"/s","edition":"2024","doc":true,"doctest":true,"test":true},"profile":{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false},"features":[],"filenames":["'"$out"'/lib'$name'-1.rlib","'"$out"'/lib'$name'-1.rmeta"],"executable":null,"fresh":false}'
done
"#;

impl Machine {
    pub fn new(archive: &Archive) -> Machine {
        let directory = tempfile::Builder::new()
            .prefix("a machine ")
            .tempdir()
            .unwrap();
        let root = directory.path().join("archive");
        archive.publish(&root.join("debian"));
        let (port, traffic) = serve(root);
        let machine = Machine { directory, traffic };
        machine.know_mirror(port);
        write(
            &machine.path("keys.gpg"),
            &Keys::get().lock().unwrap().trusted,
        );
        machine.install_rustc("1.95.0");
        script(&machine.sysroot().join("bin/cargo"), CARGO);
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn sysroot(&self) -> PathBuf {
        self.path("toolchains/stable-test")
    }

    pub fn rustlib(&self) -> PathBuf {
        self.sysroot().join("lib/rustlib")
    }

    /// A compiler that can link only with a target that has a libstd.
    fn install_rustc(&self, release: &str) {
        let sysroot = self.sysroot();
        let text = format!(
            r#"case "$1" in
-vV) printf 'rustc {release} (abc 2026-01-01)\ncommit-hash: {hash}\nhost: x86_64-test\nrelease: {release}\n' ;;
--print) echo '{sysroot}' ;;
*) [ -e '{sysroot}/lib/rustlib/{TARGET}/lib/libstd-1.rlib' ] || {{ echo 'error: no std' >&2; exit 1; }} ;;
esac
"#,
            hash = release.replace('.', "0"),
            sysroot = sysroot.display()
        );
        script(&sysroot.join("bin/rustc"), &text);
        fs::create_dir_all(self.rustlib()).unwrap();
    }

    /// A rustup that manages the toolchain, and does this on `target add`.
    pub fn install_rustup(&self, text: &str) {
        write(&self.rustlib().join("multirust-channel-manifest.toml"), b"");
        let text = format!("cd '{}' || exit 9\n{text}", self.rustlib().display());
        script(&self.path("programs/rustup"), &text);
    }

    fn know_mirror(&self, port: u16) {
        write(
            &self.path("sources.list"),
            format!("deb http://127.0.0.1:{port}/debian stable main\n").as_bytes(),
        );
        let directory = self.directory.path().display();
        let configuration = format!(
            "Dir::Etc::parts \"{directory}/none\";\n\
             Dir::Etc::sourcelist \"{directory}/sources.list\";\n\
             Dir::Etc::sourceparts \"{directory}/none\";\n\
             Acquire::Retries \"0\";\nAcquire::http::Proxy \"DIRECT\";\n"
        );
        fs::create_dir_all(self.path("none")).unwrap();
        write(&self.path("apt.conf"), configuration.as_bytes());
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("setup"));
        self.configure(command.arg("setup").args(arguments));
        command
    }

    fn configure(&self, command: &mut Command) {
        let mut path = self.path("programs").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        for name in [
            "RUSTUP_TOOLCHAIN",
            "CARGO_WASIP2_MIRROR",
            "http_proxy",
            "CARGO",
        ] {
            command.env_remove(name);
        }
        command
            .env("CARGO_WASIP2_HOME", self.path("the home"))
            .env("CARGO_WASIP2_KEYRING", self.path("keys.gpg"))
            .env("APT_CONFIG", self.path("apt.conf"))
            .env("RUSTUP_HOME", self.path("rustup home"))
            .env("RUSTC", self.sysroot().join("bin/rustc"))
            .env("PATH", path)
            .stdin(Stdio::null());
    }

    fn setup(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command(arguments).output().unwrap())
    }

    /// Starts it, and waits until `file` exists.
    fn start_until(&self, file: &Path, environment: &[(&str, &Path)]) -> Child {
        let mut command = self.command(&[]);
        command
            .stderr(Stdio::null())
            .envs(environment.iter().copied());
        let child = command.spawn().unwrap();
        wait_for(file);
        child
    }

    fn requests(&self, suffix: &str) -> Vec<(String, Option<String>)> {
        let traffic = self.traffic.lock().unwrap();
        traffic
            .requests
            .iter()
            .filter(|(path, _)| path.ends_with(suffix))
            .cloned()
            .collect()
    }

    fn builds(&self) -> Vec<String> {
        let log = fs::read_to_string(self.sysroot().join("bin/cargo.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// What is in `lib/rustlib`, but for rustup's own files.
    fn in_rustlib(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.rustlib())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains(TARGET) && !name.starts_with("manifest-"))
            .collect();
        names.sort();
        names
    }

    #[track_caller]
    fn assert_installed(&self) {
        let target = self.rustlib().join(TARGET);
        let read = |name: &str| fs::read_to_string(target.join(name)).unwrap_or_default();
        assert_eq!(read("lib/libstd-1.rlib"), "std\n");
        assert_eq!(read("lib/self-contained/libc.a"), "libc.a");
        assert_eq!(read("lib/self-contained/crt1-command.o"), "crt1-command.o");
        assert!(!target.join("lib/libstale-0.rlib").exists());
        assert!(read("cargo-wasip2.toml").contains("rust-src"));
        assert_eq!(
            fs::metadata(&target).unwrap().permissions().mode() & 0o777,
            0o755
        );
    }

    #[track_caller]
    fn assert_untouched(&self) {
        assert_eq!(self.in_rustlib(), [""; 0]);
        assert_eq!(self.builds(), [""; 0]);
    }
}

fn wait_for(file: &Path) {
    let begun = Instant::now();
    while !file.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{} did not appear",
            file.display()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What a run printed, and whether it succeeded.
#[derive(Debug)]
struct Outcome {
    success: bool,
    printed: String,
    said: String,
}

impl Outcome {
    fn of(output: Output) -> Outcome {
        Outcome {
            success: output.status.success(),
            printed: String::from_utf8(output.stdout).unwrap(),
            said: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn succeeded(self) -> Outcome {
        assert!(self.success, "{}", self.said);
        self
    }

    /// It failed, and its error says all of this.
    #[track_caller]
    fn failed_saying(self, words: &[&str]) -> Outcome {
        assert!(!self.success, "{}", self.said);
        let error = self.said.split_once("error: ").expect("an error is told").1;
        for words in words {
            assert!(error.contains(words), "`{words}` is not in: {error}");
        }
        self
    }
}

#[test]
fn the_target_is_made_from_the_packages_of_the_machines_own_mirror() {
    let machine = Machine::new(&Archive::default());
    let outcome = Outcome::of(
        machine
            .command(&["--json"])
            .env("RUSTFLAGS", "-Cpanic=never")
            .env("CARGO_ENCODED_RUSTFLAGS", "-Cpanic=never")
            .env("CARGO_PROFILE_RELEASE_LTO", "fat")
            .output()
            .unwrap(),
    )
    .succeeded();
    machine.assert_installed();
    assert_eq!(machine.in_rustlib(), [TARGET]);
    let report: serde_json::Value = serde_json::from_str(&outcome.printed).unwrap();
    assert_eq!(report["from"], "packages");
    assert_eq!(report["made"], true);
    assert_eq!(report["libc"], "ec0effd");
    let libc = PathBuf::from(report["variants"]["ec0effd"]["lib"].as_str().unwrap());
    assert!(libc.join("libc.a").exists());
    assert!(libc.with_file_name("include").join("stdio.h").exists());

    // The user's flags and project had no say in it.
    let [build] = &machine.builds()[..] else {
        panic!("one build")
    };
    assert!(
        !build.contains("panic=never") && !build.contains("fat"),
        "{build}"
    );
    assert!(build.starts_with('|') && build.ends_with("||/"), "{build}");
    assert!(build.contains("-Zforce-unstable-if-unmarked"), "{build}");

    // The second time there is nothing to do and nobody to ask.
    let asked = machine.requests("").len();
    let again = machine.setup(&["--json"]).succeeded();
    assert!(again.printed.contains("\"made\": false"));
    assert_eq!(machine.requests("").len(), asked);
    assert_eq!(machine.builds().len(), 1);
}

#[test]
fn force_makes_the_target_again_without_a_download() {
    let machine = Machine::new(&Archive::default());
    machine.setup(&[]).succeeded();
    let asked = machine.requests("").len();
    machine.setup(&["--force"]).succeeded();
    machine.assert_installed();
    assert_eq!(machine.in_rustlib(), [TARGET]);
    assert_eq!(
        (machine.requests("").len(), machine.builds().len()),
        (asked, 2)
    );
}

#[test]
fn an_expired_index_is_refused_unless_it_is_allowed_and_told_then() {
    let machine = Machine::new(&Archive {
        valid_until: "-2 days",
        ..Archive::default()
    });
    machine.setup(&[]).failed_saying(&[
        "is older than it may be",
        "--mirror URL",
        "--allow-expired",
    ]);
    machine.assert_untouched();
    assert_eq!(machine.requests(".deb"), []);
    let outcome = machine.setup(&["--allow-expired"]).succeeded();
    machine.assert_installed();
    let warning = outcome
        .said
        .lines()
        .find(|line| line.starts_with("warning: "))
        .unwrap();
    assert!(
        warning.contains(SUITE) && warning.contains("signature"),
        "{warning}"
    );
}

#[test]
fn offline_nobody_is_asked_and_what_is_there_is_used() {
    let machine = Machine::new(&Archive::default());
    machine.install_rustup("touch asked; exit 1");
    machine
        .setup(&["--offline"])
        .failed_saying(&["rust-src", "`--offline`"]);
    machine.assert_untouched();
    assert_eq!(machine.requests("").len(), 0);
    assert!(!machine.rustlib().join("asked").exists());

    machine.setup(&[]).succeeded();
    let asked = machine.requests("").len();
    machine.setup(&["--offline"]).succeeded();
    machine.assert_installed();
    assert_eq!(machine.requests("").len(), asked);
    // Made again, from the packages that were kept.
    machine.setup(&["--offline", "--force"]).succeeded();
    machine.assert_installed();
    assert_eq!(machine.requests("").len(), asked);
    // Other verbs ask for the target as well.
    fs::remove_dir_all(machine.rustlib().join(TARGET)).unwrap();
    fs::remove_dir_all(machine.path("the home/packages")).unwrap();
    let mut run = Command::new(program("run"));
    machine.configure(run.args(["run", "--offline", "--no-run"]));
    Outcome::of(run.output().unwrap()).failed_saying(&["rust-src", "`--offline`"]);
    assert_eq!(machine.requests("").len(), asked);
}

#[test]
fn npm_runs_no_script_of_a_package() {
    let machine = Machine::new(&Archive::default());
    script(&machine.path("programs/node"), "echo v22.0.0\n");
    let log = machine.path("npm.log");
    script(
        &machine.path("programs/npm"),
        &format!("echo \"$@\" > '{}'\nmkdir node_modules\n", log.display()),
    );
    machine.setup(&["--jco"]).succeeded();
    let words = fs::read_to_string(log).unwrap();
    assert!(words.contains("ci --ignore-scripts "), "{words}");
}

#[test]
fn an_expired_index_with_a_wrong_signature_is_refused() {
    let archive = Archive {
        valid_until: "-2 days",
        signer: Signer::Stranger,
        ..Archive::default()
    };
    let machine = Machine::new(&archive);
    machine
        .setup(&[])
        .failed_saying(&["is not signed by a key of"]);
    machine.assert_untouched();
}

#[test]
fn an_index_that_a_stranger_signed_is_refused() {
    let machine = Machine::new(&Archive {
        signer: Signer::Stranger,
        ..Archive::default()
    });
    machine.setup(&[]).failed_saying(&[
        SUITE,
        "is not signed by a key of",
        "keys.gpg",
        "--mirror URL",
        "--keyring FILE",
    ]);
    machine.assert_untouched();
    assert_eq!(machine.requests(".deb"), []);
}

#[test]
fn an_index_that_nobody_signed_is_refused() {
    let machine = Machine::new(&Archive {
        signer: Signer::Nobody,
        ..Archive::default()
    });
    machine
        .setup(&[])
        .failed_saying(&["is not signed by a key of"]);
    machine.assert_untouched();
    assert_eq!(machine.requests(".deb"), []);
}

#[test]
fn a_package_with_a_wrong_checksum_is_thrown_away() {
    let machine = Machine::new(&Archive::default());
    let file = machine.path(&format!("archive/debian/pool/rust-src_{RUST_SRC}_all.deb"));
    let good = fs::read(&file).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    fs::write(&file, bad).unwrap();
    machine.setup(&[]).failed_saying(&[
        &format!("rust-src {RUST_SRC} from http://127.0.0.1"),
        "has a wrong checksum",
        "try again",
    ]);
    machine.assert_untouched();
    assert!(
        !machine
            .path(&format!(
                "the home/packages/deb/rust-src_{RUST_SRC}_all.deb"
            ))
            .exists()
    );

    fs::write(&file, good).unwrap();
    machine.setup(&[]).succeeded();
    machine.assert_installed();
}

#[test]
fn a_pinned_version_with_another_content_is_refused_though_signed() {
    let pinned = "0.0~git20260129.ec0effd-3~bpo13+1";
    let archive = Archive {
        debs: vec![rust_src(RUST_SRC), wasi_libc(pinned)],
        ..Archive::default()
    };
    let machine = Machine::new(&archive);
    machine.setup(&[]).failed_saying(&[
        pinned,
        "has a wrong checksum",
        "this tool knows that version as",
    ]);
    machine.assert_untouched();
}

#[test]
fn a_pinned_version_that_no_suite_lists_comes_from_the_pool() {
    let archive = Archive {
        debs: vec![rust_src(RUST_SRC)],
        ..Archive::default()
    };
    let machine = Machine::new(&archive);
    machine
        .setup(&[])
        .failed_saying(&["no suite of Debian has wasi-libc"]);
    let file = "pool/main/w/wasi-libc/wasi-libc_0.0~git20260129.ec0effd-3~bpo13+1_all.deb";
    assert_eq!(machine.requests(file).len(), 1);

    // The real file is not to be had here; that another is refused shows that
    // it is asked for, and believed for its content alone.
    write(
        &machine.path("archive/debian").join(file),
        &vec![b'?'; 1_166_968],
    );
    machine.setup(&[]).failed_saying(&[
        "wasi-libc 0.0~git20260129.ec0effd-3~bpo13+1 from http://127.0.0.1",
        "has a wrong checksum",
    ]);
    machine.assert_untouched();
}

#[test]
fn an_interrupted_download_goes_on_where_it_ended() {
    let machine = Machine::new(&Archive::default());
    machine.traffic.lock().unwrap().cut = Some((".deb", 100_000));
    machine
        .setup(&[])
        .failed_saying(&["rust-src", "could not be downloaded", "it goes on from"]);
    machine.assert_untouched();

    machine.traffic.lock().unwrap().cut = None;
    let indexes = machine.requests("InRelease").len();
    machine.setup(&[]).succeeded();
    machine.assert_installed();
    let downloads = machine.requests(&format!("rust-src_{RUST_SRC}_all.deb"));
    assert_eq!(
        downloads.last().unwrap().1.as_deref(),
        Some("bytes=100000-")
    );
    assert_eq!(
        machine.requests("InRelease").len(),
        indexes,
        "the index was there"
    );
}

#[test]
fn a_download_that_goes_on_from_something_else_is_thrown_away() {
    let machine = Machine::new(&Archive::default());
    machine.traffic.lock().unwrap().cut = Some((".deb", 100_000));
    machine
        .setup(&[])
        .failed_saying(&["could not be downloaded"]);
    let part = machine.path(&format!(
        "the home/packages/deb/rust-src_{RUST_SRC}_all.deb"
    ));
    // With the time it had, so that apt takes it for the beginning.
    let time = fs::metadata(&part).unwrap().modified().unwrap();
    fs::write(&part, vec![0; 100_000]).unwrap();
    fs::File::options()
        .write(true)
        .open(&part)
        .unwrap()
        .set_modified(time)
        .unwrap();

    machine.traffic.lock().unwrap().cut = None;
    machine
        .setup(&[])
        .failed_saying(&["has a wrong checksum", "thrown away"]);
    machine.assert_untouched();
    machine.setup(&[]).succeeded();
    machine.assert_installed();
}

#[test]
fn without_a_network_the_error_says_so_soon() {
    let machine = Machine::new(&Archive::default());
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    machine.know_mirror(closed);
    let begun = Instant::now();
    machine.setup(&[]).failed_saying(&[
        "no Debian mirror could be reached",
        &format!("http://127.0.0.1:{closed}/debian"),
        "--mirror URL",
        "again",
    ]);
    assert!(begun.elapsed() < Duration::from_secs(20));
    machine.assert_untouched();
}

#[test]
fn a_mirror_can_be_named() {
    let machine = Machine::new(&Archive::default());
    let known = fs::read_to_string(machine.path("sources.list")).unwrap();
    let mirror = known.split(' ').nth(1).unwrap();
    fs::write(machine.path("sources.list"), "").unwrap();
    machine
        .setup(&[])
        .failed_saying(&["knows no Debian mirror", "--mirror URL"]);
    machine.setup(&["--mirror", mirror]).succeeded();
    machine.assert_installed();
}

#[test]
fn a_compiler_without_matching_source_is_named_with_what_there_is() {
    let debs = vec![
        rust_src("1.94.1+dfsg1-1"),
        rust_src("1.96.0+dfsg1-1"),
        wasi_libc(LIBC),
    ];
    let machine = Machine::new(&Archive {
        debs,
        ..Archive::default()
    });
    machine.setup(&[]).failed_saying(&[
        "library source of rustc 1.95.0",
        "looked into: trixie-backports",
        "there is: 1.94.1, 1.96.0",
        "rustup toolchain install",
    ]);
    machine.assert_untouched();
}

#[test]
fn a_sysroot_that_may_not_be_written_is_told_before_any_download() {
    let machine = Machine::new(&Archive::default());
    fs::set_permissions(machine.rustlib(), fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write everywhere, until it gives up its capabilities.
    let root = tool("id", &["-u"]) == b"0\n";
    let mut command = Command::new(match root {
        true => "setpriv".into(),
        false => program("setup"),
    });
    if root {
        command.args(["--bounding-set=-all", "--inh-caps=-all"]);
        command.arg(program("setup"));
    }
    machine.configure(command.arg("setup"));
    Outcome::of(command.output().unwrap()).failed_saying(&[
        &machine.rustlib().display().to_string(),
        "may not write there",
        "toolchain of your own",
    ]);
    machine.assert_untouched();
    assert_eq!(machine.requests(""), []);
}

#[test]
fn programs_that_are_missing_are_named() {
    let machine = Machine::new(&Archive::default());
    let mut command = machine.command(&[]);
    command.env("PATH", machine.path("programs"));
    // The scripts need a shell, which they name by its path.
    let outcome = Outcome::of(command.output().unwrap());
    outcome.failed_saying(&["apt-get", "dpkg-deb", "gpgv or sqv", "are not installed"]);
    machine.assert_untouched();
}

#[test]
fn an_unknown_variant_of_the_libc_is_refused_with_those_there_are() {
    let machine = Machine::new(&Archive::default());
    machine
        .setup(&["--libc", "2020"])
        .failed_saying(&["`2020`", "ec0effd", "161b319"]);
    machine.assert_untouched();
}

#[test]
fn another_variant_of_the_libc_is_kept_beside_the_target() {
    let mut archive = Archive::default();
    archive.debs.push(wasi_libc("0.0~git20260423.161b319-99"));
    let machine = Machine::new(&archive);
    machine.setup(&[]).succeeded();
    let outcome = machine.setup(&["--libc", "all", "--json"]).succeeded();
    let report: serde_json::Value = serde_json::from_str(&outcome.printed).unwrap();
    assert_eq!(
        (&report["made"], &report["libc"]),
        (&false.into(), &"ec0effd".into())
    );
    let version = report["variants"]["161b319"]["version"].as_str().unwrap();
    assert_eq!(version, "0.0~git20260423.161b319-99");
    assert_eq!(machine.builds().len(), 1);
}

#[test]
fn a_variant_that_no_archive_has_comes_from_the_target_of_rustup() {
    let archive = Archive {
        debs: vec![rust_src(RUST_SRC)],
        ..Archive::default()
    };
    let machine = Machine::new(&archive);
    machine.install_rustup(RUSTUP_ADDS);
    machine.setup(&[]).succeeded();
    machine
        .setup(&["--libc", "ec0effd"])
        .failed_saying(&["wasi-libc ec0effd", "could not be put into"]);
    let own = machine
        .rustlib()
        .join(TARGET)
        .join("lib/self-contained/libc.a");
    for name in ["libc.a", "crt1-command.o", "crt1-reactor.o"] {
        write(&own.with_file_name(name), b"of rustup");
    }
    machine.setup(&["--libc", "ec0effd"]).succeeded();
    let kept = machine.path("the home/libc/ec0effd/lib/libc.a");
    assert_eq!(fs::read(kept).unwrap(), b"of rustup");

    // Another Rust has another libc.
    machine
        .setup(&["--libc", "161b319"])
        .failed_saying(&["no suite of Debian has wasi-libc 0.0~git20260423.161b319"]);
}

#[test]
fn a_build_that_was_killed_goes_on_without_a_download() {
    let machine = Machine::new(&Archive::default());
    let (log, gate) = (
        machine.sysroot().join("bin/cargo.log"),
        machine.path("gate"),
    );
    let mut child = machine.start_until(&log, &[("FAKE_CARGO_WAITS", &gate)]);
    child.kill().unwrap();
    child.wait().unwrap();
    // The cargo that it left behind ends, too.
    fs::write(&gate, "").unwrap();
    assert_eq!(machine.in_rustlib(), [""; 0]);

    let asked = machine.requests("").len();
    let outcome = machine.setup(&[]).succeeded();
    machine.assert_installed();
    assert_eq!(machine.requests("").len(), asked);
    assert!(!outcome.said.contains("Unpacking"), "{}", outcome.said);
}

#[test]
fn two_at_once_make_one_target() {
    let machine = Machine::new(&Archive::default());
    let (log, gate) = (
        machine.sysroot().join("bin/cargo.log"),
        machine.path("gate"),
    );
    let mut first = machine.start_until(&log, &[("FAKE_CARGO_WAITS", &gate)]);
    // With a home of its own, so that only the sysroot keeps it out.
    let mut second = machine
        .command(&[])
        .env("CARGO_WASIP2_HOME", machine.path("another home"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(second.stderr.take().unwrap()).lines();
    let blocking = said.next().unwrap().unwrap();
    assert!(blocking.contains("Blocking"), "{blocking}");
    fs::write(&gate, "").unwrap();
    assert!(first.wait().unwrap().success());
    assert!(second.wait().unwrap().success());
    machine.assert_installed();
    assert_eq!(machine.builds().len(), 1);
}

#[test]
fn what_an_interrupted_run_left_in_the_sysroot_is_removed() {
    let machine = Machine::new(&Archive::default());
    write(
        &machine
            .rustlib()
            .join(".wasm32-wasip2-abc/lib/libstd-1.rlib"),
        b"half",
    );
    machine.setup(&[]).succeeded();
    machine.assert_installed();
    assert_eq!(machine.in_rustlib(), [TARGET]);
}

#[test]
fn a_target_that_lost_a_byte_is_made_again() {
    let machine = Machine::new(&Archive::default());
    machine.setup(&[]).succeeded();
    fs::write(
        machine.rustlib().join(TARGET).join("lib/libstd-1.rlib"),
        "st",
    )
    .unwrap();
    let outcome = machine.setup(&[]).succeeded();
    assert!(
        outcome
            .said
            .contains("libstd-1.rlib is missing or cut short"),
        "{}",
        outcome.said
    );
    machine.assert_installed();
    assert_eq!(machine.in_rustlib(), [TARGET]);
}

#[test]
fn a_target_made_for_another_compiler_is_made_again() {
    let mut archive = Archive::default();
    archive.debs.push(rust_src("1.96.0+dfsg1-1"));
    let machine = Machine::new(&archive);
    machine.setup(&[]).succeeded();
    machine.install_rustc("1.96.0");
    let outcome = machine.setup(&[]).succeeded();
    assert!(
        outcome.said.contains("it was made for rustc 1.95.0"),
        "{}",
        outcome.said
    );
    let marker = machine.rustlib().join(TARGET).join("cargo-wasip2.toml");
    assert!(
        fs::read_to_string(marker)
            .unwrap()
            .contains("rustc = \"1.96.0\"")
    );
}

#[test]
fn a_target_by_others_counts_if_the_compiler_can_link_with_it() {
    let machine = Machine::new(&Archive::default());
    let lib = machine.rustlib().join(TARGET).join("lib");
    write(&lib.join("self-contained/libc.a"), b"theirs");
    write(&lib.join("self-contained/crt1-command.o"), b"theirs");
    // No libstd: half-made. It is not this tool's to throw away.
    machine
        .setup(&[])
        .failed_saying(&["cannot be used", "error: no std", "--force"]);
    assert!(lib.exists());

    write(&lib.join("libstd-1.rlib"), b"theirs");
    let outcome = machine.setup(&["--json"]).succeeded();
    assert!(
        outcome.printed.contains("\"from\": \"other\""),
        "{}",
        outcome.printed
    );

    // Proven once, but only until something changes.
    fs::remove_file(lib.join("libstd-1.rlib")).unwrap();
    machine.setup(&[]).failed_saying(&["cannot be used"]);

    let outcome = machine.setup(&["--force"]).succeeded();
    machine.assert_installed();
    let [aside, target] = &machine.in_rustlib()[..] else {
        panic!("theirs is kept")
    };
    assert_eq!(target, TARGET);
    assert!(outcome.said.contains(aside), "{}", outcome.said);
    assert!(
        machine
            .rustlib()
            .join(aside)
            .join("lib/self-contained/libc.a")
            .exists()
    );
    machine.setup(&[]).succeeded();
    assert!(machine.rustlib().join(aside).exists());
}

/// What rustup does when all goes well.
const RUSTUP_ADDS: &str = r#"
mkdir -p wasm32-wasip2/lib && echo std > wasm32-wasip2/lib/libstd-1.rlib
echo file:lib/rustlib/wasm32-wasip2/lib/libstd-1.rlib > manifest-rust-std-wasm32-wasip2
echo rust-std-wasm32-wasip2 >> components
[ "$*" = "target add --toolchain stable-test wasm32-wasip2" ]
"#;

#[test]
fn rustup_is_asked_first() {
    let machine = Machine::new(&Archive::default());
    machine.install_rustup(RUSTUP_ADDS);
    let outcome = machine.setup(&["--json"]).succeeded();
    assert!(
        outcome.printed.contains("\"from\": \"rustup\""),
        "{}",
        outcome.printed
    );
    assert_eq!(machine.requests(""), []);
    machine
        .setup(&["--force"])
        .failed_saying(&["rustup target remove"]);

    // What rustup lists must be there.
    fs::remove_file(machine.rustlib().join(TARGET).join("lib/libstd-1.rlib")).unwrap();
    machine
        .setup(&[])
        .failed_saying(&["libstd-1.rlib is missing", "rustup target remove"]);
}

#[test]
fn where_rustup_fails_the_packages_are_used() {
    let machine = Machine::new(&Archive::default());
    machine.install_rustup("mkdir -p wasm32-wasip2/lib\necho 'error: no network' >&2\nexit 1");
    machine
        .setup(&["--from", "rustup"])
        .failed_saying(&["rustup failed: no network", "--from packages"]);
    machine.assert_untouched();
    let outcome = machine.setup(&[]).succeeded();
    assert!(outcome.said.contains("no network"), "{}", outcome.said);
    machine.assert_installed();
    assert_eq!(machine.in_rustlib(), [TARGET]);
}

#[test]
fn what_a_killed_rustup_left_is_not_taken_for_the_target() {
    let machine = Machine::new(&Archive::default());
    machine.install_rustup(
        "mkdir -p wasm32-wasip2/lib/self-contained\necho $$ > pid.new; mv pid.new pid\nexec sleep 60",
    );
    let pid = machine.rustlib().join("pid");
    let mut child = machine.start_until(&pid, &[]);
    child.kill().unwrap();
    child.wait().unwrap();
    tool("kill", &["-9", fs::read_to_string(&pid).unwrap().trim()]);
    assert_eq!(machine.in_rustlib(), [TARGET]);

    machine.install_rustup("[ ! -e wasm32-wasip2 ]");
    let refused = machine.setup(&["--from", "rustup"]);
    refused.failed_saying(&["rustup succeeded, but wasm32-wasip2 is not whole"]);
    machine.install_rustup(RUSTUP_ADDS);
    machine.setup(&[]).succeeded();
    assert_eq!(machine.in_rustlib(), [TARGET]);
}

/// What finding the program `wanted` of the package `wanted` comes to.
fn find_wanted() {
    let home = Home::find().unwrap();
    let console = Console::new(Verbosity::Normal, None);
    match programs::find("wanted", &["/usr/games"], "wanted", &home, &console).unwrap() {
        Found::Here(found) => println!("here: {}", found.file("wanted").0.display()),
        Found::Missing(reason) => println!("missing: {reason}"),
    }
}

#[test]
fn a_program_comes_with_all_that_it_depends_on_and_that_is_not_installed() {
    // The programs of apt are told by the environment where the machine is,
    // and this process's own is every test's.
    const SELF: &str =
        "setup::a_program_comes_with_all_that_it_depends_on_and_that_is_not_installed";
    if std::env::var_os("FIND_WANTED").is_some() {
        return find_wanted();
    }
    let machine = Machine::new(&Archive {
        debs: vec![
            with_file("wanted", "library, installed", "usr/games/wanted"),
            with_file("library", "", "usr/lib/library"),
            with_file("installed", "", "usr/lib/installed"),
        ],
        ..Archive::default()
    });
    let find = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        machine.configure(command.args(["--exact", SELF, "--nocapture"]));
        command.env("FIND_WANTED", "1");
        Outcome::of(command.output().unwrap()).succeeded().printed
    };
    let sources = fs::read_to_string(machine.path("sources.list")).unwrap();
    fs::write(
        machine.path("sources.list"),
        sources.replace("stable", SUITE),
    )
    .unwrap();
    write(
        &machine.path("status"),
        b"Package: installed\nStatus: install ok installed\nVersion: 1:1.0-1\n\
          Architecture: all\nMaintainer: Nobody <n@example.test>\nDescription: there\n",
    );
    let directory = machine.directory.path().display().to_string();
    let mut configuration = fs::read_to_string(machine.path("apt.conf")).unwrap();
    configuration += &format!("Dir::State::status \"{directory}/status\";\n");
    fs::write(machine.path("apt.conf"), &configuration).unwrap();

    // Who signed the index is not trusted by this machine.
    let refused = find();
    assert!(
        refused.contains("missing: `wanted` is not installed, and could not be had"),
        "{refused}"
    );
    assert!(refused.contains("NO_PUBKEY"), "{refused}");
    assert_eq!(machine.requests(".deb"), []);

    let key = Keys::get().lock().unwrap().trusted.clone();
    write(&machine.path("trusted/archive.gpg"), &key);
    configuration += &format!("Dir::Etc::trustedparts \"{directory}/trusted\";\n");
    fs::write(machine.path("apt.conf"), &configuration).unwrap();
    let file = machine.path("archive/debian/pool/library_1:1.0-1_all.deb");
    let good = fs::read(&file).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    fs::write(&file, bad).unwrap();
    let refused = find();
    assert!(refused.contains("Hash Sum mismatch"), "{refused}");

    fs::write(&file, good).unwrap();
    let found = find();
    let root = machine.path("the home/services/wanted");
    let here = format!("here: {}\n", root.join("usr/games/wanted").display());
    assert!(found.contains(&here), "{found}");
    assert!(root.join("usr/lib/library").is_file());
    assert!(!root.join("usr/lib/installed").exists());
    let asked = machine.requests("").len();
    assert!(find().contains(&here));
    assert_eq!(machine.requests("").len(), asked);
}
