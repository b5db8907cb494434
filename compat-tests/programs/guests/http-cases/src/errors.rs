//! Requests that cannot be sent, or reach no one.

use crate::case::{Cases, whole};

pub fn add(cases: &mut Cases) {
    for (name, url) in [
        ("no url", "not a url"),
        ("relative url", "/path"),
        ("empty url", ""),
        ("bad port", "http://localhost:99999/"),
        ("bad scheme", "ftp://localhost/"),
        ("data scheme", "data:text/plain,hello"),
        ("no host", "http://"),
        ("bad host", "http://{{host}}/"),
        ("refused", "http://127.0.0.1:1/"),
        ("refused by name", "http://localhost:1/"),
        ("refused over ipv6", "http://[::1]:1/"),
        ("refused with tls", "https://127.0.0.1:1/"),
        ("unknown name", "http://name.invalid/"),
        ("unknown name with tls", "https://name.invalid/"),
    ] {
        cases.case(format!("error {name}"), move |at| async move {
            whole(at.client.get(url).send().await?).await
        });
    }
    cases.case("error tls with a server that has none", |at| async move {
        let url = at.good("/").replace("http://", "https://");
        whole(at.client.get(url).send().await?).await
    });
    cases.case("error https only", |at| async move {
        let client = at.builder().https_only(true).build()?;
        whole(client.get(at.good("/")).send().await?).await
    });
    cases.case("error bad header name", |at| async move {
        let request = at.client.get(at.good("/")).header("bad name", "value");
        whole(request.send().await?).await
    });
    cases.case("error bad header value", |at| async move {
        let request = at.client.get(at.good("/")).header("name", "bad\nvalue");
        whole(request.send().await?).await
    });
    cases.case("error bad user agent", |at| async move {
        at.builder().user_agent("bad\nagent").build()?;
        Ok("built".to_owned())
    });
    cases.case("error bad mime", |_| async move {
        reqwest::multipart::Part::text("text").mime_str("no mime")?;
        Ok("built".to_owned())
    });
    cases.case("error url is told", |at| async move {
        match at.client.get("http://127.0.0.1:1/path").send().await {
            Ok(_) => Ok("answered".to_owned()),
            Err(error) => Ok(format!("{:?}", error.url().map(|url| url.path()))),
        }
    });
    cases.case("error io kind in the chain", |at| async move {
        use std::error::Error;
        let Err(error) = at.client.get("http://127.0.0.1:1/").send().await else {
            return Ok("answered".to_owned());
        };
        let mut source = error.source();
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref::<std::io::Error>() {
                return Ok(format!("{:?}", error.kind()));
            }
            source = error.source();
        }
        Ok("none".to_owned())
    });
}
