//! What a response tells.

use hyper::ext::ReasonPhrase;
use reqwest::StatusCode;

use crate::case::{Cases, describe, whole};

pub fn add(cases: &mut Cases) {
    for code in [200, 201, 204, 205, 206, 304, 400, 404, 418, 500, 503, 599] {
        cases.case(format!("status {code}"), move |at| async move {
            let response = at
                .client
                .get(at.good(&format!("/status/{code}")))
                .send()
                .await?;
            let failed = response.error_for_status_ref().err();
            let failed = failed.map(|error| describe(&error));
            Ok(format!("{} {failed:?}", whole(response).await?))
        });
    }
    cases.case("status as an error", |at| async move {
        let response = at.client.get(at.good("/status/404")).send().await?;
        whole(response.error_for_status()?).await
    });
    cases.case("status unknown", |at| async move {
        let response = at.client.get(at.faulty("/status-999")).send().await?;
        Ok((response.status() == StatusCode::from_u16(999).expect("it is valid")).to_string())
    });
    cases.case("version", |at| async move {
        let response = at.client.get(at.good("/method")).send().await?;
        Ok(format!("{:?}", response.version()))
    });
    cases.case("reason phrase", |at| async move {
        let response = at.client.get(at.faulty("/reason")).send().await?;
        let status = response.status().as_u16();
        let reason = response.extensions().get::<ReasonPhrase>();
        Ok(format!(
            "{status} {:?}",
            reason.map(|reason| reason.as_bytes().escape_ascii().to_string())
        ))
    });
    cases.case("url of the response", |at| async move {
        let mut urls = Vec::new();
        for path in ["/uri?a=1", "/uri?a=1#part", "/redirect/302?to=/uri#part"] {
            let url = at.client.get(at.good(path)).send().await?.url().clone();
            urls.push(format!(
                "{} {:?} {:?}",
                url.path(),
                url.query(),
                url.fragment()
            ));
        }
        Ok(urls.join("; "))
    });
    cases.case("remote address", |at| async move {
        let response = at.client.get(at.good("/method")).send().await?;
        Ok(response.remote_addr().is_some().to_string())
    });
    cases.case("text in another charset", |at| async move {
        whole(at.client.get(at.good("/latin1")).send().await?).await
    });
    cases.case("upgrade that was not agreed on", |at| async move {
        let response = at.client.get(at.good("/method")).send().await?;
        response.upgrade().await?;
        Ok("upgraded".to_owned())
    });
    cases.case("32 at once", |at| async move {
        let requests = (0..32).map(|number| {
            let request = at.client.get(at.good(&format!("/uri?n={number}"))).send();
            async move { request.await?.text().await }
        });
        let texts = futures_util::future::try_join_all(requests).await?;
        let right = (0..32).all(|number| texts[number].ends_with(&format!("/uri?n={number}")));
        Ok(right.to_string())
    });
}
