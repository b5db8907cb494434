//! tempfile's files and directories, through std and tokio.

use std::fs;
use std::io::{Read, Seek, Write};

use tempfile::{Builder, NamedTempFile, SpooledTempFile, TempDir};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let directory = TempDir::new()?;
    let path = directory.path().to_owned();
    checks::that("a directory", path.is_dir());
    let mut file = NamedTempFile::new_in(&path)?;
    file.write_all(b"hello")?;
    checks::equal("a file", fs::read(file.path())?, b"hello");
    let kept = path.join("kept");
    file.persist(&kept)?;
    checks::equal("it is kept", fs::read(&kept)?, b"hello");

    let named = Builder::new()
        .prefix("log-")
        .suffix(".txt")
        .tempfile_in(&path)?;
    let name = named
        .path()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    checks::that(
        "its name",
        name.starts_with("log-") && name.ends_with(".txt"),
    );
    let gone = named.path().to_owned();
    named.close()?;
    checks::that("it is gone", !gone.exists());

    let mut spooled = SpooledTempFile::new(100);
    spooled.write_all(&[7; 50])?;
    spooled.rewind()?;
    let mut read = Vec::new();
    spooled.read_to_end(&mut read)?;
    checks::equal("in memory", read.len(), 50);

    let other = path.join("tokio");
    tokio::fs::write(&other, "through tokio").await?;
    checks::equal(
        "through tokio",
        fs::read_to_string(&other)?,
        "through tokio",
    );
    let mut names = Vec::new();
    let mut entries = tokio::fs::read_dir(&path).await?;
    while let Some(entry) = entries.next_entry().await? {
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    checks::equal("the directory's files", names, ["kept", "tokio"]);
    directory.close()?;
    checks::that("the directory is gone", !path.exists());
    checks::finish();
    Ok(())
}
