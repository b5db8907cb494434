//! octocrab, GitHub's client, speaks to a server on loopback.

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::{AuthState, OctoBody, OctocrabBuilder};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = std::env::args().nth(1).expect("the server's URL");
    let http = Client::builder(TokioExecutor::new()).build_http::<OctoBody>();
    let client = OctocrabBuilder::new_empty()
        .with_service(http)
        .with_layer(&BaseUriLayer::new(base.parse()?))
        .with_auth(AuthState::None)
        .build()?;

    let response = client._get("/hello").await?;
    checks::equal("the status", response.status().as_u16(), 200);
    let text = client.body_to_string(response).await?;
    checks::equal("the greeting", text, "Hello, World!");

    let issue = json!({ "title": "It works", "labels": ["wasm", "wasi"], "number": 7 });
    let made: Value = client.post("/echo", Some(&issue)).await?;
    checks::equal("json comes back", made, issue);
    let large = json!({ "body": "x".repeat(1 << 20) });
    let made: Value = client.post("/echo", Some(&large)).await?;
    checks::that("a megabyte comes back", made == large);

    for number in 0..30 {
        let response = client._get(format!("/wait/1/{number}")).await?;
        let text = client.body_to_string(response).await?;
        checks::equal(
            "one after the other",
            text,
            format!("request {number} waited 1 ms"),
        );
    }
    checks::finish();
    Ok(())
}
