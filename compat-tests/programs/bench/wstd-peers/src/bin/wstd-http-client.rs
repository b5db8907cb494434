//! `http-client` on wstd: the host sends the requests (`wasi:http`).

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use measure::{Measure, number, urls};
use wstd::http::{Body, Client, Error, Method, Request};
use wstd::runtime::spawn;

const BODY: [u8; 1000] = [b'x'; 1000];

#[wstd::main]
async fn main() -> Result<(), Error> {
    let post = std::env::args().nth(1).as_deref() == Some("post");
    let urls = urls(2);
    let concurrency = number(3, "how many at once") as usize;
    let measure = Rc::new(RefCell::new(Measure::new(number(4, "how many seconds"))));
    let senders: Vec<_> = (0..concurrency)
        .zip(urls.iter().cycle())
        .map(|(_, url)| {
            let (url, measure) = (url.clone(), measure.clone());
            spawn(async move {
                let client = Client::new();
                while measure.borrow().goes_on() {
                    let begun = Instant::now();
                    ask(&client, &url, post).await?;
                    measure.borrow_mut().record(begun, 1);
                }
                Ok::<(), Error>(())
            })
        })
        .collect();
    for sender in senders {
        sender.await?;
    }
    let measure = Rc::into_inner(measure).expect("every sender has ended");
    measure.into_inner().finish();
    Ok(())
}

async fn ask(client: &Client, url: &str, post: bool) -> Result<(), Error> {
    let request = Request::builder().uri(url);
    let request = match post {
        true => request.method(Method::POST).body(Body::from(&BODY[..]))?,
        false => request.body(Body::empty())?,
    };
    let response = client.send(request).await?;
    assert!(response.status().is_success(), "{}", response.status());
    let mut body = response.into_body();
    let answer = body.contents().await?;
    assert!(!post || answer == BODY, "another body came back");
    Ok(())
}
