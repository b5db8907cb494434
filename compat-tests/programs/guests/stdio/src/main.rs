// Writes and reads by std and by Tokio in turn. The argument says what is done.

use std::io::Write;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("write") => write(true).await,
        Some("write-without-flush") => write(false).await,
        Some("read") => read().await,
        other => panic!("what is {other:?}?"),
    }
}

/// Every sequence of four writes, each with a number of its own.
async fn write(flush: bool) {
    let mut number = 0;
    for sequence in 0..KINDS.pow(4) {
        for place in 0..4 {
            number += 1;
            write_by(sequence / KINDS.pow(place) % KINDS, number, flush).await;
        }
        println!("|");
    }
}

/// How many ways to write there are.
const KINDS: u32 = 6;

async fn write_by(kind: u32, number: u32, flush: bool) {
    match kind {
        0 => print!("{number} "),
        1 => println!("{number} "),
        2 => eprint!("e{number} "),
        3 | 4 => {
            let end = if kind == 3 { " " } else { "\n" };
            let mut stdout = tokio::io::stdout();
            stdout
                .write_all(format!("{number}{end}").as_bytes())
                .await
                .unwrap();
            if flush {
                stdout.flush().await.unwrap();
            }
        }
        _ => {
            let mut stderr = tokio::io::stderr();
            stderr
                .write_all(format!("e{number} ").as_bytes())
                .await
                .unwrap();
            if flush {
                stderr.flush().await.unwrap();
            }
        }
    }
}

/// Lines, read by one and the other, and two by each, and so on.
async fn read() {
    for count in 1.. {
        for by_tokio in [false, true] {
            for _ in 0..count {
                let line = if by_tokio {
                    line_by_tokio().await
                } else {
                    let mut line = String::new();
                    std::io::stdin().read_line(&mut line).unwrap();
                    line
                };
                let by = if by_tokio { "tokio" } else { "std" };
                println!("{by}: {line:?}");
                std::io::stdout().flush().unwrap();
                if line.is_empty() {
                    return;
                }
            }
        }
    }
}

async fn line_by_tokio() -> String {
    let mut stdin = tokio::io::stdin();
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        match stdin.read_u8().await {
            Ok(byte) => line.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(line).unwrap()
}
