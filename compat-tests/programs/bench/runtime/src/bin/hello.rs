//! Says one line, which tells what a program costs before it does anything,
//! and ends when standard input does.

use std::io::Read;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    println!("hello");
    std::io::stdin().read(&mut [0]).map(drop)
}
