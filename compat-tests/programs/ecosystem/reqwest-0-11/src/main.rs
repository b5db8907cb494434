//! reqwest 0.11, on hyper 0.14, does what an HTTP client does, over sockets.

use futures_util::{StreamExt, future, stream};
use reqwest::{Client, StatusCode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), reqwest::Error> {
    let base = std::env::args().nth(1).expect("the server's URL");
    let client = Client::builder().user_agent("checks").build()?;
    let url = |path: &str| format!("{base}{path}");

    let response = client.get(url("/hello")).send().await?;
    checks::equal("the status", response.status(), StatusCode::OK);
    checks::equal("the greeting", response.text().await?, "Hello, World!");
    let named = base.replace("127.0.0.1", "localhost");
    let response = client.get(format!("{named}/hello")).send().await?;
    checks::equal("by name", response.text().await?, "Hello, World!");
    let response = client.get(url("/nothing")).send().await?;
    checks::equal(
        "what is not there",
        response.status(),
        StatusCode::NOT_FOUND,
    );
    checks::that("as an error", response.error_for_status().is_err());

    let note = serde_json::json!({ "text": "hello", "numbers": [1, 2, 3] });
    let response = client.post(url("/echo")).json(&note).send().await?;
    checks::equal(
        "json comes back",
        response.json::<serde_json::Value>().await?,
        note,
    );

    let chunks = (0..64u8).map(|byte| Ok::<_, std::io::Error>(vec![byte; 16 << 10]));
    let body = reqwest::Body::wrap_stream(stream::iter(chunks));
    let mut answer = client
        .post(url("/echo"))
        .body(body)
        .send()
        .await?
        .bytes_stream();
    let mut length = 0;
    while let Some(chunk) = answer.next().await {
        length += chunk?.len();
    }
    checks::equal("a stream comes back", length, 1 << 20);

    let started = std::time::Instant::now();
    let requests = (0..40).map(|number| client.get(url(&format!("/wait/200/{number}"))).send());
    for (number, response) in future::try_join_all(requests)
        .await?
        .into_iter()
        .enumerate()
    {
        let expected = format!("request {number} waited 200 ms");
        checks::equal("requests at once", response.text().await?, expected);
    }
    checks::that("in less than one by one", started.elapsed().as_secs() < 6);

    let limit = std::time::Duration::from_millis(100);
    let error = client
        .get(url("/wait/5000/0"))
        .timeout(limit)
        .send()
        .await
        .unwrap_err();
    checks::that("a timeout", error.is_timeout());
    let error = client.get("http://127.0.0.1:1/").send().await.unwrap_err();
    checks::that("nobody listens", error.is_connect());
    checks::finish();
    Ok(())
}
