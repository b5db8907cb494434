//! Compiled components, kept from one run to the next.
//!
//! An entry is a file of machine code named after a hash of the component and
//! of everything that decides how it is compiled. It is mapped into memory
//! rather than read, so that a start touches only the code that it runs: that
//! is why this is not wasmtime's own cache, which packs its entries.

use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use wasip2_ground::Home;
use wasip2_ground::files::hex;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::rights::Rights;

/// How many bytes of machine code are kept before the entries that have not
/// been used for the longest time are deleted.
const LIMIT: u64 = 2 << 30;

/// How the name of an entry ends.
const EXTENSION: &str = ".cwasm";

/// A directory of compiled components.
#[derive(Debug)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// The cache of `home`, or of the user's own one if a guest with `rights`
    /// could write to that; none if it could write to both, or if somebody else
    /// could.
    ///
    /// What is in there is run as it is, outside of any sandbox: who can write
    /// to it can do what this process can.
    pub fn open(home: &Home, rights: &Rights) -> Option<Cache> {
        let own = Home::of_user().map(|home| home.root().to_owned());
        [Some(home.root().to_owned()), own]
            .into_iter()
            .flatten()
            .map(|root| root.join("cache"))
            .filter(|directory| fs::create_dir_all(directory).is_ok())
            .filter(|directory| !is_within_reach(directory, rights))
            .find_map(|directory| Cache::new(&directory))
    }

    /// The cache in `directory`, which is made, and has to be this user's
    /// alone.
    pub fn new(directory: &Path) -> Option<Cache> {
        fs::create_dir_all(directory).ok()?;
        is_ours(&fs::metadata(directory).ok()?).then(|| Cache {
            directory: directory.to_owned(),
        })
    }

    /// Gives back the component whose bytes are `wasm`, compiled now or before.
    ///
    /// # Errors
    ///
    /// Where `wasm` cannot be compiled. That the cache cannot be used is no
    /// error: what follows is slower, that is all.
    pub fn get(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
        let entry = self.entry(engine, wasm);
        let ours = fs::metadata(&entry).is_ok_and(|entry| is_ours(&entry));
        // SAFETY: the file holds what `Component::serialize` gave for this
        // version of wasmtime and this configuration, both of which its name
        // is a hash of; it came there by a rename, so it is whole; nobody else
        // can write to it or to its directory, and no guest, see `open`; and
        // nothing writes to an entry, it can only be deleted, which a mapping
        // outlives.
        let kept = ours.then(|| unsafe { Component::deserialize_file(engine, &entry) });
        if let Some(Ok(component)) = kept {
            // The time of the last use, for `trim`.
            let _ = File::open(&entry).and_then(|file| file.set_modified(SystemTime::now()));
            return Ok(component);
        }
        let component = Component::from_binary(engine, wasm)?;
        let _ = self.keep(&entry, &component);
        Ok(component)
    }

    /// Where `wasm`, compiled by `engine`, is kept.
    fn entry(&self, engine: &Engine, wasm: &[u8]) -> PathBuf {
        let mut hasher = Hashing(Sha256::new_with_prefix(wasm));
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let name = hex(&hasher.0.finalize());
        self.directory.join(name + EXTENSION)
    }

    fn keep(&self, entry: &Path, component: &Component) -> Result<()> {
        let code = component.serialize()?;
        self.trim(LIMIT.saturating_sub(code.len() as u64))?;
        // Nobody else can read or write it.
        let mut file = tempfile::Builder::new()
            .suffix(EXTENSION)
            .tempfile_in(&self.directory)?;
        file.write_all(&code)?;
        file.as_file().sync_all()?;
        file.persist(entry)?;
        Ok(())
    }

    /// Deletes the entries that have not been used for the longest time until
    /// at most `limit` bytes are left.
    fn trim(&self, limit: u64) -> Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry
                .file_name()
                .as_encoded_bytes()
                .ends_with(EXTENSION.as_bytes())
            {
                let metadata = entry.metadata()?;
                entries.push((metadata.modified()?, metadata.len(), entry.path()));
            }
        }
        entries.sort();
        let mut total: u64 = entries.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in entries {
            if total <= limit {
                break;
            }
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
            total -= length;
        }
        Ok(())
    }
}

/// Whether a guest with `rights` could write to `directory`.
fn is_within_reach(directory: &Path, rights: &Rights) -> bool {
    let Ok(directory) = fs::canonicalize(directory) else {
        return true;
    };
    // What cannot be opened is no right; it is told of elsewhere.
    (rights.directories.iter())
        .filter_map(|granted| fs::canonicalize(&granted.host).ok())
        .any(|granted| directory.starts_with(&granted) || granted.starts_with(&directory))
}

/// Whether nobody but this user can write to it.
#[cfg(unix)]
fn is_ours(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    file.uid() == user && file.mode() & 0o022 == 0
}

#[cfg(not(unix))]
fn is_ours(_: &fs::Metadata) -> bool {
    true
}

/// A cryptographic hash as the standard library's kind of hasher.
struct Hashing(Sha256);

impl Hasher for Hashing {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the digest is taken from the hash itself")
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::rights::Directory;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_can_write_to_is_not_loaded() {
        let directory = tempfile::tempdir().unwrap();
        for shared in [0o777, 0o770, 0o702] {
            mode(directory.path(), shared);
            assert!(Cache::new(directory.path()).is_none(), "{shared:o}");
        }
        mode(directory.path(), 0o755);
        let cache = Cache::new(directory.path()).unwrap();
        let engine = Engine::default();
        let wasm = wat::parse_str("(component)").unwrap();
        cache.get(&engine, &wasm).unwrap();
        let entry = cache.entry(&engine, &wasm);
        let inode = || {
            use std::os::unix::fs::MetadataExt;
            fs::metadata(&entry).unwrap().ino()
        };
        let first = inode();
        cache.get(&engine, &wasm).unwrap();
        assert_eq!(inode(), first);
        // Somebody else may have written this one: another takes its place.
        mode(&entry, 0o666);
        cache.get(&engine, &wasm).unwrap();
        assert_ne!(inode(), first);
        assert_eq!(
            fs::metadata(&entry).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn what_a_guest_can_write_to_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let within = directory.path().join("target/wasip2/cache");
        let other = directory.path().join("other");
        fs::create_dir_all(&within).unwrap();
        fs::create_dir_all(&other).unwrap();
        std::os::unix::fs::symlink(&within, directory.path().join("link")).unwrap();
        let given = |name: &str| Rights {
            directories: vec![Directory {
                host: directory.path().join(name),
                guest: "/".to_owned(),
            }],
            ..Rights::default()
        };
        // Above it, itself, below it, and by another name.
        fs::create_dir(within.join("below")).unwrap();
        for name in [
            "",
            "target",
            "target/wasip2/cache",
            "target/wasip2/cache/below",
            "link",
        ] {
            assert!(is_within_reach(&within, &given(name)), "{name}");
        }
        assert!(!is_within_reach(&within, &given("other")));
        assert!(!is_within_reach(&within, &given("not there")));
        assert!(!is_within_reach(&within, &Rights::default()));
    }
}
