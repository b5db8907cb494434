//! HTTPS.

use crate::case::{Cases, byte, sum, whole};

pub fn add(cases: &mut Cases) {
    cases.case("https get", |at| async move {
        whole(at.client.get(at.secure("/method")).send().await?).await
    });
    cases.case("https echo", |at| async move {
        let body: Vec<u8> = (0..1_000_000).map(byte).collect();
        let request = at.client.post(at.secure("/echo")).body(body);
        Ok(sum(request.send().await?.bytes().await?))
    });
    cases.case("https version", |at| async move {
        let response = at.client.get(at.secure("/method")).send().await?;
        Ok(format!("{:?}", response.version()))
    });
    cases.case("https only", |at| async move {
        let client = at.builder().https_only(true).build()?;
        whole(client.get(at.secure("/method")).send().await?).await
    });
    cases.case("https from a redirect", |at| async move {
        let to = at.good(&format!("/redirect/302?to={}", at.secure("/method")));
        let response = at.client.get(to).send().await?;
        let scheme = response.url().scheme().to_owned();
        Ok(format!("{scheme} {}", whole(response).await?))
    });
    cases.case("https host", |at| async move {
        whole(at.client.get(at.secure("/host")).send().await?).await
    });
    cases.case(
        "https with a certificate for another name",
        |at| async move {
            let url = at.secure("/method").replace("localhost", "127.0.0.1");
            whole(at.client.get(url).send().await?).await
        },
    );
    cases.case("https to a server without", |at| async move {
        let url = at.good("/method").replace("http://", "https://");
        whole(at.client.get(url).send().await?).await
    });
    cases.case("https 16 at once", |at| async move {
        let requests = (0..16).map(|number| {
            let request = at.client.get(at.secure(&format!("/uri?n={number}"))).send();
            async move { request.await?.text().await }
        });
        let texts = futures_util::future::try_join_all(requests).await?;
        let right = (0..16).all(|number| texts[number].ends_with(&format!("/uri?n={number}")));
        Ok(right.to_string())
    });
}
