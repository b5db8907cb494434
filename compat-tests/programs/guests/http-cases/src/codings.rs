//! Content codings.

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING};

use crate::case::{Cases, sum};

pub fn add(cases: &mut Cases) {
    for coding in ["gzip", "br", "deflate"] {
        cases.case(format!("coding {coding}"), move |at| async move {
            let url = at.good(&format!("/encoded/{coding}"));
            let response = at.client.get(url).send().await?;
            let left = response.headers().get(CONTENT_ENCODING).cloned();
            let known = response.content_length();
            let text = sum(response.bytes().await?);
            Ok(format!("{text}, header {left:?}, known {known:?}"))
        });
    }
    cases.case("coding left as it is", |at| async move {
        let client = at.builder().no_gzip().build()?;
        let response = client.get(at.good("/encoded/gzip")).send().await?;
        let left = response.headers().get(CONTENT_ENCODING).cloned();
        let start = response.bytes().await?.slice(..2);
        Ok(format!("{start:?}, header {left:?}"))
    });
    cases.case("coding asked for by the caller", |at| async move {
        let request = at
            .client
            .get(at.good("/encoded/gzip"))
            .header(ACCEPT_ENCODING, "gzip");
        Ok(sum(request.send().await?.bytes().await?))
    });
    cases.case("coding of a head", |at| async move {
        let response = at.client.head(at.good("/encoded/gzip")).send().await?;
        Ok(response.bytes().await?.len().to_string())
    });
    cases.case("coding that is not what it says", |at| async move {
        let response = at.client.get(at.faulty("/bad-gzip")).send().await?;
        Ok(sum(response.bytes().await?))
    });
}
