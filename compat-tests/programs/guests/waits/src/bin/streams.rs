//! Uses the standard streams in one of several ways.
//!
//! Usage: streams copy | write BYTES | unflushed BYTES | slow-reader BYTES

use std::error::Error;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, stderr, stdin, stdout};
use tokio::time;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["copy"] => {
            let copied = tokio::io::copy(&mut stdin(), &mut stdout()).await?;
            stdout().flush().await?;
            stderr()
                .write_all(format!("{copied} copied\n").as_bytes())
                .await?;
        }
        ["write", bytes] => {
            let mut stdout = stdout();
            stdout.write_all(&pattern(bytes.parse()?)).await?;
            stdout.flush().await?;
        }
        ["unflushed", bytes] => stdout().write_all(&pattern(bytes.parse()?)).await?,
        ["slow-reader", bytes] => {
            let pattern = pattern(bytes.parse()?);
            let writing = tokio::spawn(async move { stdout().write_all(&pattern).await });
            let mut ticks = 0;
            // The reader starts when standard input ends.
            let mut end = tokio::spawn(async { stdin().read_to_end(&mut Vec::new()).await });
            while !end.is_finished() {
                time::sleep(Duration::from_millis(5)).await;
                ticks += 1;
                if ticks == 20 {
                    stderr().write_all(b"20 ticks\n").await?;
                    stderr().flush().await?;
                }
            }
            (&mut end).await??;
            writing.await??;
        }
        _ => return Err("usage: streams MODE [BYTES]".into()),
    }
    Ok(())
}

/// Bytes that show it if any of them is missing.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}
