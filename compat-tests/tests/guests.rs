//! The guests, built from the patched crates, in the host; and beside it
//! natively, from the released ones.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use wasip2_fixtures::{HttpServer, Waits, router, router_counting};

use crate::tool::{self, Ended, Tool, assert_says, component, repository_home};

/// The wasi-libc variants that every socket test runs on.
const LIBCS: [&str; 2] = ["ec0effd", "161b319"];

#[test]
fn the_demo_gives_the_same_bytes_natively_and_in_a_component() {
    let server = HttpServer::start(router()).unwrap();
    let arguments = ["--requests", "25", "--bodies"];
    let natively = Command::new(tool::native("guests", "demo", "demo"))
        .args(arguments)
        .arg(server.url())
        .output()
        .unwrap();
    assert!(natively.status.success(), "{natively:?}");
    let natively = String::from_utf8(natively.stdout).unwrap();
    assert_eq!(natively.lines().count(), 50);
    assert!(natively.starts_with("request 0 waited 10 ms\nrequest 1 waited 25 ms\n"));

    let component = Tool::new("run")
        .arg("--")
        .args(arguments)
        .arg(server.url())
        .run()
        .succeeded();
    assert_eq!(component, natively);
}

/// What `tokio::fs` says on WASI that it does not say on Linux, and why.
const OTHER_ERRORS: [(&str, &str, &str); 1] = [(
    "remove_dir in use",
    "Uncategorized",
    "std has no kind for ENOTEMPTY on WASI",
)];

#[test]
fn files_are_as_on_linux() {
    let natively = tempfile::TempDir::new().unwrap();
    let output = Command::new(tool::native("guests", "probes", "files"))
        .current_dir(&natively)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let natively = String::from_utf8(output.stdout).unwrap();
    assert!(natively.lines().count() > 40, "{natively}");
    assert_says(&natively, &["many at once: 50 right", "left: []"]);

    for libc in LIBCS {
        let component = tool::component("run", "files", &["--libc", libc]);
        for mode in ["async", "sync"] {
            let directory = tempfile::TempDir::new().unwrap();
            let said = Tool::new("host")
                .args(["--mode", mode, "--dir"])
                .arg(format!("{}::.", directory.path().display()))
                .arg(&component)
                .run()
                .succeeded();
            for (natively, said) in natively.lines().zip(said.lines()) {
                let known = OTHER_ERRORS
                    .iter()
                    .find(|(what, ..)| natively.starts_with(&format!("{what}: ")));
                match known {
                    Some((what, expected, why)) => {
                        assert_eq!(said, format!("{what}: {expected}"), "{libc} {mode}: {why}")
                    }
                    None => assert_eq!(said, natively, "{libc} {mode}"),
                }
            }
            assert_eq!(said.lines().count(), natively.lines().count(), "{said}");
        }
    }
}

#[test]
fn the_demo_shows_that_waits_overlap() {
    let shown = Tool::new("run")
        .args(["--", "--requests", "20"])
        .run()
        .succeeded();
    assert_says(&shown, &["route", "/wait/100", "one by one", "at once"]);
    assert_says(&shown, &["20 requests, whose answers take 1040 ms in all"]);

    // That they do, the server has seen; times would tell of the machine.
    let waits = Arc::<Waits>::default();
    let server = HttpServer::start(router_counting(waits.clone())).unwrap();
    let url = server.url();
    Tool::new("run")
        .args(["--", "--requests", "20", &url])
        .run()
        .succeeded();
    assert!(
        waits.most() > 1,
        "no two of twenty requests waited together"
    );
}

/// The examples of `fetch` in the host, with the environment variable SERVER
/// and a directory.
fn fetch(name: &str, server: &HttpServer, directory: &Path, arguments: &[&str]) -> Ended {
    Tool::new("host")
        .args(["--http", "--env", &format!("SERVER={}", server.url())])
        .arg("--dir")
        .arg(format!("{}::.", directory.display()))
        .arg(component("run", name, &[]))
        .args(arguments)
        .run()
}

#[test]
fn json_is_fetched_with_async_and_without() {
    let server = HttpServer::start(router()).unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    for name in ["json", "json-blocking"] {
        let said = fetch(name, &server, directory.path(), &[]).succeeded();
        assert_eq!(
            said, "Café: 3 pages\nthe longest is /site/1, 340 words\n",
            "{name}"
        );
        let url = format!("{}/nothing", server.url());
        let refused = fetch(name, &server, directory.path(), &[&url]).failed(1);
        assert_says(&refused, &["404"]);
    }
}

#[test]
fn a_file_is_downloaded_and_uploaded() {
    let server = HttpServer::start(router()).unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    let url = format!("{}/file/3000000", server.url());
    let said = fetch("download", &server, directory.path(), &[&url, "file"]).succeeded();
    assert_eq!(said, "3000000 bytes in file\n");
    let file = fs::read(directory.path().join("file")).unwrap();
    assert_eq!(file.len(), 3_000_000);
    assert!(
        file.iter()
            .enumerate()
            .all(|(at, byte)| usize::from(*byte) == at % 251)
    );

    // The server's limit for a form is 2 MB.
    fs::write(directory.path().join("file"), &file[..1_000_000]).unwrap();
    let sum = file[..1_000_000].iter().fold(0u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
    });
    let said = fetch("upload", &server, directory.path(), &["file"]).succeeded();
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].starts_with("title: no file, no type, 9 bytes, "),
        "{said}"
    );
    assert_eq!(
        lines[1..],
        [format!("file: file, text/plain, 1000000 bytes, sum {sum}")]
    );
    let refused = fetch("upload", &server, directory.path(), &["missing"]).failed(1);
    assert_says(&refused, &["NotFound"]);
}

#[test]
fn a_site_is_crawled_many_pages_at_once() {
    let waits = Arc::<Waits>::default();
    let server = HttpServer::start(router_counting(waits.clone())).unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    let said = fetch("crawl", &server, directory.path(), &[]).succeeded();
    assert_eq!(said, "200 pages, 1 broken links\n  /site/200\n");
    let most = waits.most();
    assert!((8..=32).contains(&most), "{most} pages at once");
}

/// Runs the socket probes on one wasi-libc, in one mode of the host.
fn sockets(libc: &str, mode: &str) {
    let said = Tool::new("run")
        .args(["--example", "sockets", "--libc", libc, "--mode", mode])
        .run()
        .succeeded();
    assert_eq!(
        said,
        "tcp echo: 8 clients, 1048576 bytes each\n\
         udp echo: 16 datagrams each way\n\
         debug of a connecting stream\n\
         refused connection\n\
         connect by name\n\
         vectored write\n"
    );
}

#[test]
fn sockets_work_on_the_libc_of_rust_1_95() {
    sockets(LIBCS[0], "async");
    sockets(LIBCS[0], "sync");
}

#[test]
fn sockets_work_on_the_newer_libc() {
    sockets(LIBCS[1], "async");
    sockets(LIBCS[1], "sync");
}

#[test]
fn a_guest_that_is_not_there_is_named() {
    let said = Tool::new("run").args(["--example", "dmeo"]).run().failed(1);
    assert_says(&said, &["there is no guest `dmeo`", "axum-hello, "]);
}

#[test]
fn a_project_of_the_users_own_builds_and_runs_unmodified() {
    let directory = tempfile::TempDir::new().unwrap();
    let project = directory.path().join("mine");
    let cargo = |arguments: &[&str], place: &Path| {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(arguments)
            .current_dir(place)
            // Nothing of the repository's own build reaches a user's project.
            .env_remove("CARGO_WASIP2_HOME")
            .env_remove("CARGO_WASIP2_SOURCE")
            .env("CARGO_TARGET_DIR", repository_home().join("project"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "cargo {arguments:?}:\n{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    cargo(
        &["new", "--quiet", "--vcs", "none", "mine"],
        directory.path(),
    );
    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    fs::write(
        project.join("Cargo.toml"),
        manifest
            + "tokio = { version = \"1\", features = [\"full\"] }\nreqwest = \"0.13\"\naxum = \
               \"0.8\"\n",
    )
    .unwrap();
    fs::write(
        project.join("src/main.rs"),
        r#"use axum::{Router, routing::get};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let router = Router::new().route("/", get(|| async { "from axum" }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = format!("http://localhost:{port}/");
    println!("{}", reqwest::get(url).await?.text().await?);
    Ok(())
}
"#,
    )
    .unwrap();
    Tool::new("init").arg(&project).run().succeeded();
    let said = cargo(&["run", "--quiet", "--target", "wasm32-wasip2"], &project);
    assert_eq!(said, "from axum\n");
    let lock = fs::read_to_string(project.join("Cargo.lock")).unwrap();
    assert!(!lock.contains("[[patch.unused]]"), "{lock}");

    let doctor = Tool::new("doctor")
        .arg("--manifest-path")
        .arg(project.join("Cargo.toml"))
        .run()
        .succeeded();
    assert_says(&doctor, &["tokio v", "built from its patched tree"]);
}
