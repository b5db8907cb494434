//! Fetches JSON as `json` does, without async: there is no runtime to be seen.
//!
//! Usage: json-blocking [URL]
//!
//! Without URL, the environment variable SERVER names the server.

use std::error::Error;

use serde::Deserialize;

#[derive(Deserialize)]
struct Site {
    title: String,
    pages: Vec<Page>,
}

#[derive(Deserialize)]
struct Page {
    path: String,
    words: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = match std::env::args().nth(1) {
        Some(url) => url,
        None => format!("{}/site.json", std::env::var("SERVER")?),
    };
    let response = reqwest::blocking::get(url)?.error_for_status()?;
    let site: Site = response.json()?;

    println!("{}: {} pages", site.title, site.pages.len());
    let longest = site.pages.iter().max_by_key(|page| page.words);
    if let Some(page) = longest {
        println!("the longest is {}, {} words", page.path, page.words);
    }
    Ok(())
}
