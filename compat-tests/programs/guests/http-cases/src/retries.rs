//! Retries.

use reqwest::{Client, StatusCode, retry};

use crate::case::{At, Cases, whole};

/// A client that asks once more, and no more, where the service is unavailable.
fn retrying(at: &At, max: u32) -> Result<Client, reqwest::Error> {
    let policy = retry::for_host("localhost")
        .no_budget()
        .max_retries_per_request(max)
        .classify_fn(|attempt| match attempt.status() {
            Some(StatusCode::SERVICE_UNAVAILABLE) => attempt.retryable(),
            _ => attempt.success(),
        });
    at.builder().retry(policy).build()
}

/// A key that no other run of the cases has asked for.
fn fail(at: &At, times: usize, key: &str) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("it is after 1970");
    at.good(&format!("/fail/{times}/{key}-{}", now.as_nanos()))
}

pub fn add(cases: &mut Cases) {
    cases.case("retry until it works", |at| async move {
        whole(retrying(&at, 3)?.get(fail(&at, 2, "works")).send().await?).await
    });
    cases.case("retry with a body", |at| async move {
        let request = retrying(&at, 3)?.post(fail(&at, 2, "body")).body("again");
        whole(request.send().await?).await
    });
    cases.case("retry too often", |at| async move {
        whole(retrying(&at, 2)?.get(fail(&at, 5, "often")).send().await?).await
    });
    cases.case("retry of no stream", |at| async move {
        let body =
            reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(
                "once",
            )]));
        let request = retrying(&at, 3)?.post(fail(&at, 2, "stream")).body(body);
        whole(request.send().await?).await
    });
    cases.case("retry by no one", |at| async move {
        whole(at.client.get(fail(&at, 1, "none")).send().await?).await
    });
}
