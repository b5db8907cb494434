//! Calls the functions of `tokio::fs` in the current directory, which is empty,
//! and prints what came of each: the same natively and in a component.

use std::fmt::Debug;
use std::future::Future;
use std::io::{self, SeekFrom};

use futures_util::future::join_all;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

#[tokio::main]
async fn main() {
    succeeds().await;
    fails().await;
    many_at_once().await;
}

async fn show<T: Debug>(what: &str, result: impl Future<Output = io::Result<T>>) {
    match result.await {
        Ok(value) => println!("{what}: {value:?}"),
        Err(error) => println!("{what}: {:?}", error.kind()),
    }
}

async fn succeeds() {
    show("create_dir", fs::create_dir("made")).await;
    show("create_dir_all", fs::create_dir_all("made/a/b")).await;
    show("create_dir_all again", fs::create_dir_all("made/a/b")).await;
    show("write", fs::write("made/one", "first\nsecond\n")).await;
    show("read", fs::read("made/one")).await;
    show("read_to_string", fs::read_to_string("made/one")).await;
    show("copy", fs::copy("made/one", "made/two")).await;
    show("rename", fs::rename("made/two", "made/three")).await;
    show("hard_link", fs::hard_link("made/three", "made/four")).await;
    show("try_exists", fs::try_exists("made/two")).await;
    show("metadata", async {
        let metadata = fs::metadata("made/four").await?;
        Ok((metadata.len(), metadata.is_file(), metadata.is_dir()))
    })
    .await;
    show("read_dir", names("made")).await;
    show("file", async {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open("made/file")
            .await?;
        file.write_all(b"0123456789").await?;
        file.seek(SeekFrom::Start(4)).await?;
        file.write_all(b"four").await?;
        file.sync_all().await?;
        file.sync_data().await?;
        file.set_len(9).await?;
        file.rewind().await?;
        let mut text = String::new();
        file.read_to_string(&mut text).await?;
        let end = file.seek(SeekFrom::End(-2)).await?;
        Ok((text, end, file.metadata().await?.len()))
    })
    .await;
    show("append", async {
        let mut file = OpenOptions::new().append(true).open("made/file").await?;
        file.write_all(b"!").await?;
        file.flush().await?;
        fs::read_to_string("made/file").await
    })
    .await;
    show("truncate", async {
        drop(File::create("made/file").await?);
        fs::read("made/file").await
    })
    .await;
    show("remove_file", fs::remove_file("made/four")).await;
    show("remove_dir", fs::remove_dir("made/a/b")).await;
    show("large", async {
        let bytes: Vec<u8> = (0..5_000_000u32).map(|at| (at / 3) as u8).collect();
        fs::write("made/large", &bytes).await?;
        Ok(fs::read("made/large").await? == bytes)
    })
    .await;
}

async fn fails() {
    show("read nothing", fs::read("nothing")).await;
    show(
        "open nothing",
        opened(OpenOptions::new().write(true), "nothing"),
    )
    .await;
    show(
        "open in nothing",
        opened(OpenOptions::new().write(true).create(true), "no/thing"),
    )
    .await;
    show(
        "open with no right",
        opened(&OpenOptions::new(), "made/one"),
    )
    .await;
    show(
        "create_new again",
        opened(OpenOptions::new().write(true).create_new(true), "made/one"),
    )
    .await;
    show(
        "truncate to read",
        opened(OpenOptions::new().read(true).truncate(true), "made/one"),
    )
    .await;
    show("create_dir again", fs::create_dir("made")).await;
    show("create_dir in nothing", fs::create_dir("no/thing")).await;
    show(
        "create_dir_all over a file",
        fs::create_dir_all("made/one/more"),
    )
    .await;
    show("read a directory", fs::read("made")).await;
    show("write a directory", fs::write("made", "x")).await;
    show("read_dir nothing", names("nothing")).await;
    show("read_dir a file", names("made/one")).await;
    show("read within a file", fs::read("made/one/more")).await;
    show("remove_dir in use", fs::remove_dir("made")).await;
    show("remove_dir a file", fs::remove_dir("made/one")).await;
    show("remove_file nothing", fs::remove_file("nothing")).await;
    show("remove_dir_all nothing", fs::remove_dir_all("nothing")).await;
    show("rename nothing", fs::rename("nothing", "made/none")).await;
    show("rename over a directory", fs::rename("made/one", "made/a")).await;
    show("copy nothing", fs::copy("nothing", "made/none")).await;
    show("hard_link again", fs::hard_link("made/one", "made/three")).await;
    show("not UTF-8", async {
        fs::write("made/bytes", [0xff, 0xfe]).await?;
        fs::read_to_string("made/bytes").await
    })
    .await;
    show("name with a zero", fs::read("made/ze\0ro")).await;
    show("read what is for writing", async {
        let mut file = File::create("made/mine").await?;
        file.read(&mut [0; 8]).await
    })
    .await;
    show("before the start", async {
        let mut file = File::open("made/one").await?;
        file.seek(SeekFrom::Current(-1)).await
    })
    .await;
}

/// Fifty files are written, read and removed at the same time.
async fn many_at_once() {
    let one = async |number: u32| {
        let path = format!("made/many-{number}");
        let bytes = number.to_le_bytes().repeat(20_000);
        fs::write(&path, &bytes).await?;
        let same = fs::read(&path).await? == bytes;
        fs::remove_file(&path).await?;
        io::Result::Ok(same)
    };
    let all = join_all((0..50).map(one)).await;
    let right = all.iter().filter(|one| matches!(one, Ok(true))).count();
    println!("many at once: {right} right");
    show("remove_dir_all", fs::remove_dir_all("made")).await;
    show("left", names(".")).await;
}

async fn opened(options: &OpenOptions, path: &str) -> io::Result<()> {
    options.open(path).await.map(drop)
}

async fn names(directory: &str) -> io::Result<Vec<String>> {
    let mut entries = fs::read_dir(directory).await?;
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name().into_string().unwrap_or_default();
        names.push(format!("{name} {}", entry.file_type().await?.is_dir()));
    }
    names.sort();
    Ok(names)
}
