//! Time limits.

use std::time::Duration;

use crate::case::{Cases, whole};

const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(20);

pub fn add(cases: &mut Cases) {
    cases.case("timeout of the client", |at| async move {
        let client = at.builder().timeout(SHORT).build()?;
        whole(client.get(at.faulty("/never")).send().await?).await
    });
    cases.case("timeout of the request", |at| async move {
        let request = at.client.get(at.faulty("/never")).timeout(SHORT);
        whole(request.send().await?).await
    });
    cases.case(
        "timeout of the request over that of the client",
        |at| async move {
            let client = at.builder().timeout(SHORT).build()?;
            let request = client.get(at.good("/wait/400")).timeout(LONG);
            whole(request.send().await?).await
        },
    );
    cases.case("timeout not reached", |at| async move {
        let client = at.builder().timeout(LONG).build()?;
        whole(client.get(at.good("/wait/20")).send().await?).await
    });
    cases.case("timeout within the body", |at| async move {
        let request = at.client.get(at.faulty("/body-never")).timeout(SHORT);
        whole(request.send().await?).await
    });
    cases.case("timeout within a dripping body", |at| async move {
        let request = at.client.get(at.faulty("/drip/50")).timeout(SHORT);
        whole(request.send().await?).await
    });
    cases.case("timeout within a dripping header", |at| async move {
        let request = at.client.get(at.faulty("/drip-header/50")).timeout(SHORT);
        whole(request.send().await?).await
    });
    cases.case("timeout while sending", |at| async move {
        let endless = futures_util::stream::pending::<Result<&str, std::io::Error>>();
        let request = at
            .client
            .post(at.good("/count"))
            .body(reqwest::Body::wrap_stream(endless))
            .timeout(SHORT);
        whole(request.send().await?).await
    });
    cases.case("timeout of reading before the response", |at| async move {
        let client = at.builder().read_timeout(SHORT).build()?;
        whole(client.get(at.faulty("/never")).send().await?).await
    });
    cases.case("timeout of reading within the body", |at| async move {
        let client = at.builder().read_timeout(SHORT).build()?;
        whole(client.get(at.faulty("/body-never")).send().await?).await
    });
    cases.case("timeout of reading not reached by drips", |at| async move {
        let client = at.builder().read_timeout(LONG).build()?;
        whole(client.get(at.faulty("/drip/20")).send().await?).await
    });
    cases.case("timeout of connecting not reached", |at| async move {
        let client = at.builder().connect_timeout(LONG).build()?;
        whole(client.get(at.good("/method")).send().await?).await
    });
    cases.case(
        "timeout of connecting is not for the response",
        |at| async move {
            let client = at.builder().connect_timeout(SHORT).build()?;
            whole(client.get(at.good("/wait/400")).send().await?).await
        },
    );
    cases.case("timeout by dropping", |at| async move {
        let request = at.client.get(at.faulty("/never")).send();
        let elapsed = tokio::time::timeout(SHORT, request).await.is_err();
        let next = whole(at.client.get(at.good("/method")).send().await?).await?;
        Ok(format!("{elapsed}, next: {next}"))
    });
}
