//! Files that are there as a whole or not at all, and digests of what is in
//! them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Writes a file so that it is there as a whole or not at all, even if the
/// system goes down. A file that is there keeps its mode; a new one has what
/// this process's umask leaves. A link stays, and what it leads to is written.
/// What is there and is no file, such as a pipe or a device, is written to.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let write = || -> Result<()> {
        let target = match fs::symlink_metadata(path) {
            Ok(there) if there.is_symlink() => fs::canonicalize(path)?,
            _ => std::path::absolute(path)?,
        };
        if fs::metadata(&target).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            return Ok(fs::write(&target, content)?);
        }
        let directory = target.parent().context("it is in no directory")?;
        fs::create_dir_all(directory)?;
        let mut unfinished = tempfile::Builder::new();
        #[cfg(unix)]
        let everybody = {
            use std::os::unix::fs::PermissionsExt;
            fs::Permissions::from_mode(0o666)
        };
        #[cfg(unix)]
        unfinished.permissions(everybody);
        let mut file = crate::unfinished::file_in(&mut unfinished, directory)?;
        std::io::Write::write_all(&mut file, content)?;
        if let Ok(old) = fs::metadata(&target) {
            file.as_file().set_permissions(old.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(&target)?;
        Ok(())
    };
    write().with_context(|| format!("{} could not be written", path.display()))
}

/// Makes a directory that was made as a temporary one readable by everybody.
pub fn open_to_all(directory: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("{} could not be made readable", directory.display()))?;
    }
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

/// The last part of a path.
pub fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The directories in `directory`, in order.
pub fn subdirectories(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut directories: Vec<PathBuf> = entries(directory)?
        .into_iter()
        // A name with a dot is of something unfinished.
        .filter(|path| path.is_dir() && !file_name(path).starts_with('.'))
        .collect();
    directories.sort();
    Ok(directories)
}

/// What is in `directory`, in no order.
pub fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        fs::read_dir(directory)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    };
    read().with_context(|| format!("the directory {} could not be read", directory.display()))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_keeps_its_mode_and_a_link_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;

        // As any new file here: by the umask.
        fs::write(directory.path().join("other"), "").unwrap();
        write_whole(&file, b"one").unwrap();
        assert_eq!(mode(&file), mode(&directory.path().join("other")));

        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        symlink("file", &link).unwrap();
        write_whole(&link, b"two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(mode(&file), 0o600);
    }
}
