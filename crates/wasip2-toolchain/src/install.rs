//! Puts the target into a sysroot, whole or not at all.
//!
//! It is assembled in a directory beside its place, on the same file system,
//! and comes into place by a rename; the marker in it is written last. What
//! an interrupted run left there is removed by the next.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::libc::Libc;
use crate::target::{MARKER, Marker};
use wasip2_ground::files::{entries, file_name, open_to_all};
use wasip2_ground::{Console, TARGET, interrupt, lock};

/// What official Rust has in `lib/self-contained`.
const SELF_CONTAINED: [&str; 3] = ["libc.a", "crt1-command.o", "crt1-reactor.o"];

/// What begins the names of directories that are being assembled.
const TEMPORARY: &str = ".wasm32-wasip2-";

/// What begins the names of what others made, which is never removed, while
/// something else is to take its place.
const SET_ASIDE: &str = ".set-aside-wasm32-wasip2-";

/// What begins them once that is done.
const KEPT: &str = ".kept-wasm32-wasip2-";

/// `lib/rustlib` of a sysroot, with every other process of this tool kept out
/// (two projects with tool directories of their own may share it).
#[derive(Debug)]
pub struct Place {
    rustlib: PathBuf,
    /// The lock is on the directory itself, so it leaves no file behind.
    _lock: File,
}

/// What was in the place before.
#[derive(Debug)]
#[must_use]
pub struct SetAside {
    place: PathBuf,
    kept: PathBuf,
    /// Whether this tool made it.
    ours: bool,
}

impl Place {
    /// Waits for the place, and removes what an interrupted run left there.
    pub fn reserve(sysroot: &Path, console: &Console) -> Result<Place> {
        let rustlib = sysroot.join("lib/rustlib");
        let lock = File::open(&rustlib).with_context(|| {
            format!(
                "{} is no sysroot of Rust: it has no lib/rustlib",
                sysroot.display()
            )
        })?;
        // Not every file system has locks; the rename is atomic anyway.
        let _ = lock::wait(&lock, rustlib.display(), console);
        interrupt::refuse()?;
        for entry in fs::read_dir(&rustlib)
            .with_context(|| format!("{} could not be read", rustlib.display()))?
            .filter_map(Result::ok)
        {
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                // Where this may not be removed, nothing can be installed
                // either, and that is told then.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let place = Place {
            rustlib,
            _lock: lock,
        };
        place.put_back()?;
        Ok(place)
    }

    /// Puts back what others made and an interrupted run had set aside, where
    /// nothing has taken its place.
    fn put_back(&self) -> Result<()> {
        let target = self.rustlib.join(TARGET);
        if target.exists() {
            return Ok(());
        }
        let aside = entries(&self.rustlib)?
            .into_iter()
            .find(|path| file_name(path).starts_with(SET_ASIDE));
        match aside {
            Some(kept) => SetAside {
                place: target,
                kept,
                ours: false,
            }
            .restore(),
            None => Ok(()),
        }
    }

    /// Fails if this user cannot install here.
    pub fn check_writable(&self) -> Result<()> {
        self.temporary().map(drop)
    }

    fn temporary(&self) -> Result<tempfile::TempDir> {
        match tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempdir_in(&self.rustlib)
        {
            Ok(directory) => Ok(directory),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                bail!(
                    "the target belongs into {}, and this user may not write there ({error}); \
                     use a toolchain of your own (https://rustup.rs), or have the owner of that \
                     directory run `cargo wasip2 setup` or open it to you",
                    self.rustlib.display()
                )
            }
            Err(error) => Err(error).with_context(|| {
                format!("no directory could be made in {}", self.rustlib.display())
            }),
        }
    }

    /// Takes away what is in the place.
    pub fn set_aside(&self, ours: bool) -> Result<Option<SetAside>> {
        let place = self.rustlib.join(TARGET);
        if !place.exists() {
            return Ok(None);
        }
        let prefix = if ours { TEMPORARY } else { SET_ASIDE };
        let kept = tempfile::Builder::new()
            .prefix(prefix)
            .tempdir_in(&self.rustlib)
            .and_then(|kept| {
                fs::rename(&place, kept.path())?;
                Ok(kept.keep())
            })
            .with_context(|| format!("{} could not be moved away", place.display()))?;
        Ok(Some(SetAside { place, kept, ours }))
    }

    /// Removes an installation that was broken off.
    pub fn clear(&self) -> Result<()> {
        match self.set_aside(true)? {
            Some(broken) => {
                // What is left of it goes with the next reservation.
                let _ = fs::remove_dir_all(&broken.kept);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Installs `libraries`, `libc` and `objects` to link; `marker` gets the
    /// list of files.
    pub fn put(
        &self,
        libraries: &[PathBuf],
        libc: &Libc,
        objects: &[PathBuf],
        mut marker: Marker,
        ours: bool,
        console: &Console,
    ) -> Result<Marker> {
        let assembled = self.temporary()?;
        let root = assembled.path();
        let mut assemble = || -> Result<()> {
            fs::create_dir_all(root.join("lib/self-contained"))?;
            let mut copy = |from: &Path, directory: &str| -> Result<()> {
                let name = from.file_name().context("a library has a file name")?;
                let name = format!("{directory}/{}", name.to_string_lossy());
                let size = fs::copy(from, root.join(&name))
                    .with_context(|| format!("{} could not be copied", from.display()))?;
                // A power cut must not leave a file that has only its size.
                File::open(root.join(&name))?.sync_all()?;
                marker.files.insert(name, size);
                Ok(())
            };
            for library in libraries {
                copy(library, "lib")?;
            }
            for name in SELF_CONTAINED {
                copy(&libc.lib.join(name), "lib/self-contained")?;
            }
            for object in objects {
                copy(object, "lib/self-contained")?;
            }
            let text = toml::to_string(&marker).expect("a marker is TOML");
            fs::write(root.join(MARKER), text)?;
            open_to_all(root)
        };
        assemble()
            .with_context(|| format!("{TARGET} could not be assembled in {}", root.display()))?;
        let before = self.set_aside(ours)?;
        let place = self.rustlib.join(TARGET);
        if let Err(error) = fs::rename(root, &place) {
            if let Some(before) = before {
                before.restore()?;
            }
            return Err(error).with_context(|| {
                format!("{TARGET} could not be put into {}", self.rustlib.display())
            });
        }
        if let Some(before) = before {
            before.discard(console);
        }
        Ok(marker)
    }
}

impl SetAside {
    /// Puts it back.
    pub fn restore(self) -> Result<()> {
        fs::rename(&self.kept, &self.place).with_context(|| {
            format!(
                "{} could not be moved back to {}",
                self.kept.display(),
                self.place.display()
            )
        })
    }

    /// Removes it if it is this tool's own, else tells where it is.
    pub fn discard(self, console: &Console) {
        if self.ours {
            // What is left of it goes with the next reservation.
            let _ = fs::remove_dir_all(&self.kept);
        } else {
            let name = file_name(&self.kept).replacen(SET_ASIDE, KEPT, 1);
            let kept = self.kept.with_file_name(name);
            // Under its old name it is safe, too.
            let kept = match fs::rename(&self.kept, &kept) {
                Ok(()) => kept,
                Err(_) => self.kept,
            };
            console.warn(format!(
                "what was in {} before was not made by this tool; it is kept in {}",
                self.place.display(),
                kept.display()
            ));
        }
    }
}
