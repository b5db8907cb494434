//! A small site: pages with links, a description as JSON, a file to download,
//! and a form to upload one.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::BodyDataStream;
use hyper::body::Body;
use multer::Multipart;

use crate::Waits;

/// How many pages there are.
const PAGES: usize = 200;
/// How many other pages each page names.
const LINKS: usize = 8;

/// Page 7 has a link to a page that is not there, and each one to another site.
pub async fn page(number: usize, waits: &Waits) -> Option<String> {
    if number >= PAGES {
        return None;
    }
    waits.wait(Duration::from_millis(20)).await;
    let mut text = format!("<h1>Page {number}</h1>\n<a href=\"http://elsewhere.invalid/\">E</a>\n");
    let first = number * LINKS + 1;
    for link in (first..first + LINKS).filter(|link| *link < PAGES) {
        let _ = writeln!(text, "<a href=\"/site/{link}\">{link}</a>");
    }
    let up = number.saturating_sub(1) / LINKS;
    let _ = writeln!(text, "<a href=\"{up}\">Up</a>");
    if number == 7 {
        let _ = writeln!(text, "<a href=\"/site/{PAGES}\">Gone</a>");
    }
    Some(text)
}

/// What the site is, as JSON.
pub fn description() -> String {
    let pages = [("/site/0", 120), ("/site/1", 340), ("/site/2", 95)];
    let pages: Vec<String> = pages
        .iter()
        .map(|(path, words)| format!(r#"{{"path":"{path}","words":{words},"tags":[]}}"#))
        .collect();
    format!(
        r#"{{"title":"Caf\u00e9","pages":[{}],"more":null}}"#,
        pages.join(",")
    )
}

/// A file of so many bytes.
pub fn file(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// What is in a form, a line for each part.
pub async fn upload<B>(request: Request<B>) -> multer::Result<String>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(kind)?;
    let mut form = Multipart::new(BodyDataStream::new(request.into_body()), boundary);
    let mut said = String::new();
    while let Some(part) = form.next_field().await? {
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(str::to_owned);
        let kind = part.content_type().map(ToString::to_string);
        let bytes = part.bytes().await?;
        let sum = bytes.iter().fold(0u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
        });
        let _ = writeln!(
            said,
            "{name}: {}, {}, {} bytes, sum {sum}",
            file.as_deref().unwrap_or("no file"),
            kind.as_deref().unwrap_or("no type"),
            bytes.len()
        );
    }
    Ok(said)
}
