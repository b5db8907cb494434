//! Posts one kilobyte, one request after the other, and prints how many
//! requests were answered in a second.
//!
//! Usage: post URL [SECONDS]

use std::error::Error;
use std::time::{Duration, Instant};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let url = words.next().ok_or("usage: post URL [SECONDS]")?;
    let seconds: f64 = words.next().map_or(Ok(3.0), |word| word.parse())?;
    let client = reqwest::Client::new();
    let body = vec![b'x'; 1000];

    let begun = Instant::now();
    let mut answered = 0u32;
    while begun.elapsed() < Duration::from_secs_f64(seconds) {
        let response = client.post(&url).body(body.clone()).send().await?;
        let echoed = response.error_for_status()?.bytes().await?;
        if echoed != body {
            return Err(format!("{} bytes came back, other than were sent", echoed.len()).into());
        }
        answered += 1;
    }
    println!("{:.0}", f64::from(answered) / begun.elapsed().as_secs_f64());
    Ok(())
}
