//! Follows the links of a site, 32 pages at once, and says what it found.
//!
//! Usage: crawl [URL]
//!
//! Without URL, the environment variable SERVER names the server. No other site
//! is visited.

use std::collections::HashSet;
use std::error::Error;

use reqwest::{Client, Url};
use tokio::task::JoinSet;

/// How many pages are fetched at once.
const AT_ONCE: usize = 32;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = match std::env::args().nth(1) {
        Some(url) => url,
        None => format!("{}/site/0", std::env::var("SERVER")?),
    };
    let start: Url = url.parse()?;
    let client = Client::new();
    let mut seen = HashSet::from([start.clone()]);
    let mut waiting = vec![start.clone()];
    let mut fetching = JoinSet::new();
    let (mut pages, mut broken) = (0, Vec::new());

    loop {
        while fetching.len() < AT_ONCE
            && let Some(url) = waiting.pop()
        {
            fetching.spawn(fetch(client.clone(), url));
        }
        let Some(fetched) = fetching.join_next().await else {
            break;
        };
        let (url, text) = fetched?;
        let Ok(text) = text else {
            broken.push(url);
            continue;
        };
        pages += 1;
        for link in links(&text).filter_map(|link| url.join(link).ok()) {
            if link.origin() == start.origin() && seen.insert(link.clone()) {
                waiting.push(link);
            }
        }
    }
    broken.sort();
    println!("{pages} pages, {} broken links", broken.len());
    for url in broken {
        println!("  {}", url.path());
    }
    Ok(())
}

/// A page's address, and its text.
async fn fetch(client: Client, url: Url) -> (Url, reqwest::Result<String>) {
    let text = async {
        let response = client.get(url.clone()).send().await?;
        response.error_for_status()?.text().await
    };
    let text = text.await;
    (url, text)
}

/// What the links of a page name.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let after = text.split("href=\"").skip(1);
    after.filter_map(|rest| rest.split_once('"').map(|(link, _)| link))
}
