//! What is on its way to its place: it stands beside that under a name that
//! says so, and takes the place in one step.
//!
//! Whoever makes it has it locked. What has no lock any more was left by a
//! process that was ended, and goes when something is begun beside it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::{NamedTempFile, TempDir};

use crate::files::file_name;

/// What begins its name.
const MARK: &str = ".cargo-wasip2-";

/// How often it is begun again where another process takes it for a leftover in
/// the moment before it is locked.
const TRIES: usize = 10;

/// A directory in the making. It is removed with this, unless it is put in its
/// place.
#[derive(Debug)]
pub struct Unfinished {
    directory: TempDir,
    /// Where the file system has locks.
    _lock: Option<File>,
}

impl Unfinished {
    /// Begins one that is for a place in `parent`, which is made where it is
    /// missing.
    pub fn new(parent: &Path) -> Result<Unfinished> {
        let make = || -> io::Result<Unfinished> {
            fs::create_dir_all(parent)?;
            sweep(parent);
            for _ in 0..TRIES {
                let directory = tempfile::Builder::new().prefix(MARK).tempdir_in(parent)?;
                let file = match File::open(directory.path()) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    file => file?,
                };
                if let Some(lock) = lock(file, directory.path()) {
                    // A temporary one is closed to others, and this is not.
                    fs::create_dir(directory.path().join("whole"))?;
                    return Ok(Unfinished {
                        directory,
                        _lock: lock,
                    });
                }
            }
            Err(io::Error::other("other processes remove it at once"))
        };
        make().with_context(|| format!("a directory could not be made in {}", parent.display()))
    }

    /// Removes what ended processes left in `parent`, as is also done where one
    /// is begun there.
    pub fn sweep(parent: &Path) {
        sweep(parent);
    }

    /// The directory that [`Unfinished::put`] puts in its place.
    pub fn whole(&self) -> PathBuf {
        self.directory.path().join("whole")
    }

    /// A place beside it for what is only needed meanwhile.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Puts it at `place`. What is there goes, in the same step where the system
    /// can do that.
    pub fn put(self, place: &Path) -> Result<()> {
        let whole = self.whole();
        let put = || -> io::Result<()> {
            if fs::symlink_metadata(place).is_err() {
                return fs::rename(&whole, place);
            }
            if exchange(&whole, place).is_ok() {
                return Ok(());
            }
            let previous = self.scratch("previous");
            fs::rename(place, &previous)?;
            fs::rename(&whole, place).inspect_err(|_| {
                let _ = fs::rename(&previous, place);
            })
        };
        put().with_context(|| format!("{} could not be put in place", place.display()))
    }
}

/// A file that is to replace one in `directory`, made by `builder`; it is locked
/// for as long as it is open.
pub(crate) fn file_in(
    builder: &mut tempfile::Builder<'_, 'static>,
    directory: &Path,
) -> io::Result<NamedTempFile> {
    sweep(directory);
    for _ in 0..TRIES {
        let file = builder.prefix(MARK).tempfile_in(directory)?;
        if lock(file.as_file().try_clone()?, file.path()).is_some() {
            return Ok(file);
        }
    }
    Err(io::Error::other("other processes remove it at once"))
}

/// Locks what stands at `path`, where the file system has locks; nothing where
/// another process is about to remove it, or has.
fn lock(file: File, path: &Path) -> Option<Option<File>> {
    match file.try_lock() {
        Ok(()) => is_at(&file, path).then_some(Some(file)),
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Error(_)) => Some(None),
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(file), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else {
        return false;
    };
    (file.dev(), file.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Removes what ended processes left in `directory`. What cannot be removed is in nobody's way.
fn sweep(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if !file_name(&path).starts_with(MARK) {
            continue;
        }
        let Ok(left) = File::open(&path) else {
            continue;
        };
        if left.try_lock().is_ok() {
            let _ = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
        }
    }
}

/// Has each take the other's place, in one step.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = crate::files::entries(directory)
            .unwrap()
            .iter()
            .map(|path| file_name(path))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn it_takes_its_place_and_leaves_nothing_behind() {
        let parent = tempfile::tempdir().unwrap();
        let place = parent.path().join("place");
        for content in ["one", "two"] {
            let unfinished = Unfinished::new(parent.path()).unwrap();
            fs::write(unfinished.whole().join("file"), content).unwrap();
            unfinished.put(&place).unwrap();
            assert_eq!(fs::read_to_string(place.join("file")).unwrap(), content);
            assert_eq!(names(parent.path()), ["place"]);
        }
    }

    #[test]
    fn what_an_ended_process_left_goes_and_what_is_in_the_making_stays() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir_all(parent.path().join(format!("{MARK}old/whole"))).unwrap();
        fs::write(parent.path().join(format!("{MARK}file")), "half").unwrap();
        let one = Unfinished::new(parent.path()).unwrap();
        let other = Unfinished::new(parent.path()).unwrap();
        assert_eq!(names(parent.path()).len(), 2);
        assert!(one.whole().is_dir() && other.whole().is_dir());
    }
}
