//! What fuzzing begins with, and what it once found: a short replay. `.ci/fuzz`
//! goes on from there.

use std::fs;

use crate::server::component;
use crate::tool::repository;

#[path = "../fuzz/src/config.rs"]
mod config;
#[path = "../fuzz/src/flags.rs"]
mod flags;
#[path = "../fuzz/src/http.rs"]
mod http;
#[path = "../fuzz/src/lock.rs"]
mod lock;
#[path = "../fuzz/src/patch.rs"]
mod patch;
#[path = "../fuzz/src/reports.rs"]
mod reports;
#[path = "../fuzz/src/series.rs"]
mod series;

/// Has `read` take each file of the corpus `name`.
fn replay(name: &str, read: fn(&[u8])) {
    let corpus = repository().join("compat-tests/fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        println!("{}", file.display());
        read(&fs::read(file).unwrap());
    }
}

#[test]
fn files_and_words_of_others_are_read_or_refused() {
    replay("config", config::read);
    replay("flags", flags::read);
    replay("lock", lock::read);
    replay("patch", patch::read);
    replay("reports", reports::read);
    replay("series", series::read);
}

#[test]
fn http_of_strangers_is_answered_or_refused() {
    http::PROXY.get_or_init(|| component("proxy"));
    replay("request", http::request);
    replay("response", http::response);
}
