//! `hello` on wstd.

use std::io::Read;

#[wstd::main]
async fn main() -> std::io::Result<()> {
    println!("hello");
    std::io::stdin().read(&mut [0]).map(drop)
}
