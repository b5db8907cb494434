//! Files that are there as a whole or not at all, and digests of what is in
//! them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Writes a file so that it is there as a whole or not at all.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let write = || -> Result<()> {
        let directory = path.parent().context("it is in no directory")?;
        fs::create_dir_all(directory)?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        std::io::Write::write_all(&mut file, content)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(path).map_or(0o644, |old| old.permissions().mode());
            file.as_file()
                .set_permissions(fs::Permissions::from_mode(mode))?;
        }
        file.persist(path)?;
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
