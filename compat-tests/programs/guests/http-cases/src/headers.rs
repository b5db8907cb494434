//! Headers both ways.

use reqwest::header::{
    ACCEPT, CONNECTION, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, RANGE, TE,
    TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};

use crate::case::{Cases, whole};

/// How many headers are not the connection's.
fn own(headers: &HeaderMap) -> String {
    let own = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-"));
    own.count().to_string()
}

pub fn add(cases: &mut Cases) {
    cases.case("headers by default", |at| async move {
        whole(at.client.get(at.good("/headers")).send().await?).await
    });
    cases.case("headers of one name", |at| async move {
        let request = at
            .client
            .get(at.good("/headers"))
            .header("x-many", "one")
            .header("x-many", "two")
            .header("x-many", "one");
        whole(request.send().await?).await
    });
    cases.case("headers non-ascii", |at| async move {
        let value = HeaderValue::from_bytes(b"caf\xc3\xa9 \xff").expect("it is valid");
        let request = at.client.get(at.good("/headers")).header("x-value", value);
        whole(request.send().await?).await
    });
    cases.case("headers empty value", |at| async move {
        let request = at.client.get(at.good("/headers")).header("x-value", "");
        whole(request.send().await?).await
    });
    cases.case("headers long value", |at| async move {
        let request = at
            .client
            .get(at.good("/headers"))
            .header("x-value", "x".repeat(16_000));
        Ok(request.send().await?.text().await?.len().to_string())
    });
    cases.case("headers many", |at| async move {
        let mut headers = HeaderMap::new();
        for number in 0..90 {
            let name = HeaderName::try_from(format!("x-{number}")).expect("it is valid");
            headers.insert(name, number.into());
        }
        let request = at.client.get(at.good("/headers")).headers(headers);
        Ok(request
            .send()
            .await?
            .text()
            .await?
            .lines()
            .count()
            .to_string())
    });
    cases.case("headers defaults of the client", |at| async move {
        let mut headers = HeaderMap::new();
        headers.insert("x-default", HeaderValue::from_static("default"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/plain"));
        let client = at
            .builder()
            .default_headers(headers)
            .user_agent("cases/1")
            .build()?;
        whole(client.get(at.good("/headers")).send().await?).await
    });
    cases.case("headers default overridden", |at| async move {
        let client = at.builder().user_agent("cases/1").build()?;
        let request = client.get(at.good("/headers")).header(USER_AGENT, "other");
        whole(request.send().await?).await
    });
    cases.case("headers range", |at| async move {
        let request = at
            .client
            .get(at.good("/headers"))
            .header(RANGE, "bytes=0-1");
        whole(request.send().await?).await
    });
    cases.case("headers te", |at| async move {
        let request = at.client.get(at.good("/headers")).header(TE, "trailers");
        whole(request.send().await?).await
    });
    cases.case("headers expect", |at| async move {
        let request = at
            .client
            .post(at.good("/body"))
            .header(EXPECT, "100-continue")
            .body("expected");
        whole(request.send().await?).await
    });
    cases.case("headers host by default", |at| async move {
        whole(at.client.get(at.good("/host")).send().await?).await
    });
    cases.case("headers host of the url", |at| async move {
        let url = at.good("/host");
        let host = url.trim_start_matches("http://").trim_end_matches("/host");
        whole(at.client.get(&url).header(HOST, host).send().await?).await
    });
    cases.case("headers host of another", |at| async move {
        let request = at.client.get(at.good("/host")).header(HOST, "other.test:1");
        whole(request.send().await?).await
    });
    cases.case("headers host with the scheme's own port", |at| async move {
        // Nobody is there; what is asked is whether it is tried.
        let request = at.client.get("http://127.255.255.254/");
        whole(request.header(HOST, "127.255.255.254:80").send().await?).await
    });
    cases.case("headers host twice", |at| async move {
        let url = at.good("/host");
        let host = url.trim_start_matches("http://").trim_end_matches("/host");
        let request = at.client.get(&url).header(HOST, host).header(HOST, host);
        whole(request.send().await?).await
    });
    cases.case("headers connection close", |at| async move {
        let request = at
            .client
            .get(at.good("/method"))
            .header(CONNECTION, "close");
        whole(request.send().await?).await
    });
    cases.case("headers upgrade", |at| async move {
        let request = at
            .client
            .get(at.good("/method"))
            .header(CONNECTION, "upgrade")
            .header(UPGRADE, "none");
        whole(request.send().await?).await
    });
    cases.case("headers over 128 KiB", |at| async move {
        let request = at
            .client
            .get(at.good("/headers"))
            .header("x-value", "x".repeat(130 * 1024));
        Ok(format!("{}", request.send().await?.status().as_u16()))
    });
    cases.case("headers received of one name", |at| async move {
        let response = at.client.get(at.good("/repeated")).send().await?;
        let values: Vec<String> = response
            .headers()
            .get_all("x-repeated")
            .iter()
            .map(|value| value.as_bytes().escape_ascii().to_string())
            .collect();
        Ok(values.join(" | "))
    });
    cases.case("headers received of the connection", |at| async move {
        let response = at
            .client
            .get(at.faulty("/of-the-connection"))
            .send()
            .await?;
        let mut names: Vec<&str> = response.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        Ok(names.join(" "))
    });
    cases.case("headers received of chunks", |at| async move {
        let response = at.client.get(at.good("/chunks/2/2")).send().await?;
        let coding = response.headers().get(TRANSFER_ENCODING);
        Ok(format!("{coding:?} {:?}", response.content_length()))
    });
    cases.case("headers received large", |at| async move {
        let response = at
            .client
            .get(at.faulty("/large-header/100000"))
            .send()
            .await?;
        let value = response.headers().get("x-large").map(HeaderValue::len);
        Ok(format!("{value:?}"))
    });
    cases.case("headers received too large", |at| async move {
        let url = at.faulty("/large-header/1000000");
        whole(at.client.get(url).send().await?).await
    });
    cases.case("headers received 90", |at| async move {
        let response = at.client.get(at.faulty("/many-headers/90")).send().await?;
        Ok(own(response.headers()))
    });
    cases.case("headers received 300", |at| async move {
        let response = at.client.get(at.faulty("/many-headers/300")).send().await?;
        Ok(own(response.headers()))
    });
}
