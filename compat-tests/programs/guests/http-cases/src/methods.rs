//! Methods, and URIs.

use reqwest::Method;

use crate::case::{Cases, whole};

pub fn add(cases: &mut Cases) {
    for method in [
        "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE",
    ] {
        cases.case(format!("method {method}"), move |at| async move {
            let method = Method::from_bytes(method.as_bytes()).expect("it is valid");
            whole(at.client.request(method, at.good("/method")).send().await?).await
        });
    }
    cases.case("method HEAD", |at| async move {
        let response = at.client.head(at.good("/bytes/100")).send().await?;
        let length = response.headers().get("content-length").cloned();
        let known = response.content_length();
        let body = response.bytes().await?.len();
        Ok(format!("header {length:?}, known {known:?}, body {body}"))
    });
    cases.case("method POST without a body", |at| async move {
        whole(at.client.post(at.good("/body")).send().await?).await
    });
    cases.case("method GET with a body", |at| async move {
        whole(at.client.get(at.good("/body")).body("got").send().await?).await
    });
    cases.case("method DELETE with a body", |at| async move {
        whole(
            at.client
                .delete(at.good("/body"))
                .body("gone")
                .send()
                .await?,
        )
        .await
    });
    for (name, path) in [
        ("path", "/uri"),
        ("query", "/uri?a=1&b=2"),
        ("empty query", "/uri?"),
        ("encoded", "/uri?q=%C3%A9%20%2F&r=a+b"),
        ("non-ascii", "/uri?q=é"),
        ("fragment", "/uri?q=1#left-out"),
        ("dots", "/a/./b/../../uri"),
    ] {
        cases.case(format!("uri {name}"), move |at| async move {
            whole(at.client.get(at.good(path)).send().await?).await
        });
    }
    cases.case("uri query by the builder", |at| async move {
        let query = [("name", "va lue"), ("and", "&")];
        whole(at.client.get(at.good("/uri")).query(&query).send().await?).await
    });
    cases.case("uri long", |at| async move {
        let path = format!("/uri?q={}", "x".repeat(8_000));
        let text = at.client.get(at.good(&path)).send().await?.text().await?;
        Ok(format!("{} characters", text.len()))
    });
    cases.case("uri url of the response", |at| async move {
        let response = at.client.get(at.good("/uri?q=1")).send().await?;
        Ok(response.url().path().to_owned())
    });
}
