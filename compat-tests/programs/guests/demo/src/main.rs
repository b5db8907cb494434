//! Sends requests to routes that answer after different delays, first one
//! after the other, then all at once, and shows both in one table.
//!
//! Usage: demo [--requests N] [--bodies] [URL]
//!
//! URL is a server with the route `/wait/{milliseconds}/{number}`; without one,
//! the environment variable SERVER names it. With `--bodies` the answers
//! themselves are printed, in the order of the requests, and no times.

use std::error::Error;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use reqwest::Client;

/// The routes' delays, in milliseconds.
const DELAYS: [u64; 5] = [10, 25, 50, 75, 100];
/// How wide the longest bar is, in characters.
const BAR: f64 = 32.0;

/// One answered request.
struct Answer {
    /// Which of [`DELAYS`] it asked for.
    route: usize,
    /// From sending it to having the whole body.
    took: Duration,
    body: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut requests = 50;
    let mut bodies = false;
    let mut server = std::env::var("SERVER").ok();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--requests" => {
                let number = words.next().ok_or("--requests wants a number")?;
                requests = number
                    .parse()
                    .map_err(|_| format!("--requests wants a number, not `{number}`"))?;
            }
            "--bodies" => bodies = true,
            url => server = Some(url.to_owned()),
        }
    }
    let server = server.ok_or("usage: demo [--requests N] [--bodies] URL")?;
    let client = Client::new();

    let begun = Instant::now();
    let mut one_by_one = Vec::new();
    for number in 0..requests {
        one_by_one.push(ask(&client, &server, number).await?);
    }
    let one_by_one_took = begun.elapsed();

    let begun = Instant::now();
    let at_once = try_join_all((0..requests).map(|number| ask(&client, &server, number))).await?;
    let at_once_took = begun.elapsed();

    if bodies {
        for answer in one_by_one.iter().chain(&at_once) {
            println!("{}", answer.body);
        }
        return Ok(());
    }
    table(&one_by_one, &at_once);
    let asked: u64 = one_by_one.iter().map(|answer| DELAYS[answer.route]).sum();
    println!();
    println!("{requests} requests, whose answers take {asked} ms in all:");
    let longest = one_by_one_took.max(at_once_took);
    for (label, took) in [("one by one", one_by_one_took), ("at once", at_once_took)] {
        println!(
            "{label:>12} {:>6} ms {}",
            took.as_millis(),
            bar(took, longest)
        );
    }
    Ok(())
}

/// Sends the request with this number and reads its answer.
async fn ask(client: &Client, server: &str, number: usize) -> Result<Answer, reqwest::Error> {
    let route = number % DELAYS.len();
    let begun = Instant::now();
    let response = client
        .get(format!("{server}/wait/{}/{number}", DELAYS[route]))
        .send()
        .await?
        .error_for_status()?;
    let body = response.text().await?;
    Ok(Answer {
        route,
        took: begun.elapsed(),
        body,
    })
}

/// One line for each route: how many requests, and their time in all.
fn table(one_by_one: &[Answer], at_once: &[Answer]) {
    println!(
        "{:<10} {:>8} {:>14} {:>14}",
        "route", "requests", "one by one", "at once"
    );
    for (route, delay) in DELAYS.iter().enumerate() {
        let of_route = |answers: &[Answer]| -> Vec<Duration> {
            answers
                .iter()
                .filter(|answer| answer.route == route)
                .map(|answer| answer.took)
                .collect()
        };
        let (waits, overlapping) = (of_route(one_by_one), of_route(at_once));
        let sum: Duration = waits.iter().sum();
        let last = overlapping.iter().max().copied().unwrap_or_default();
        println!(
            "{:<10} {:>8} {:>11} ms {:>11} ms",
            format!("/wait/{delay}"),
            waits.len(),
            sum.as_millis(),
            last.as_millis()
        );
    }
}

fn bar(length: Duration, longest: Duration) -> String {
    let share = length.as_secs_f64() / longest.as_secs_f64().max(f64::MIN_POSITIVE);
    "#".repeat((share * BAR).ceil().max(1.0) as usize)
}
