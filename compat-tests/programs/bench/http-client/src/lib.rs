//! Sends requests, so many at once, each as soon as the one before it is
//! answered.
//!
//! Usage: PROGRAM get|post URL[,URL...] CONCURRENCY SECONDS

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use measure::{Measure, number, urls};
use reqwest::Client;
use tokio::task::LocalSet;

/// What a POST sends, and is sent back.
const BODY: [u8; 1000] = [b'x'; 1000];

/// Sends what the arguments say, with `client`.
pub async fn run(client: Client) -> Result<(), reqwest::Error> {
    let post = std::env::args().nth(1).as_deref() == Some("post");
    let urls = urls(2);
    let concurrency = number(3, "how many at once") as usize;
    let measure = Rc::new(RefCell::new(Measure::new(number(4, "how many seconds"))));
    let tasks = LocalSet::new();
    let senders: Vec<_> = (0..concurrency)
        .zip(urls.iter().cycle())
        .map(|(_, url)| {
            let (client, url, measure) = (client.clone(), url.clone(), measure.clone());
            tasks.spawn_local(async move {
                while measure.borrow().goes_on() {
                    let begun = Instant::now();
                    ask(&client, &url, post).await?;
                    measure.borrow_mut().record(begun, 1);
                }
                Ok::<(), reqwest::Error>(())
            })
        })
        .collect();
    tasks
        .run_until(async {
            for sender in senders {
                sender.await.expect("no sender panics")?;
            }
            Ok::<(), reqwest::Error>(())
        })
        .await?;
    // The tasks hold it, too.
    drop(tasks);
    let measure = Rc::into_inner(measure).expect("every sender has ended");
    measure.into_inner().finish();
    Ok(())
}

async fn ask(client: &Client, url: &str, post: bool) -> Result<(), reqwest::Error> {
    let request = match post {
        true => client.post(url).body(&BODY[..]),
        false => client.get(url),
    };
    let answer = request.send().await?.error_for_status()?.bytes().await?;
    assert!(!post || answer == BODY[..], "another body came back");
    Ok(())
}
