//! Proxies. What was asked of one, it says itself.

use std::error::Error;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use reqwest::{ClientBuilder, NoProxy, Proxy, Url};

use crate::case::{At, Cases, Outcome, byte, describe, sum, whole};

/// The name of every server where the proxy is, and one only it knows.
const PLAIN: &str = "plain.test";
const SECURE: &str = "secure.test";

/// The URL of a server by another name.
fn named(url: String, name: &str) -> String {
    url.replace("localhost", name)
}

/// The URL of a proxy in another scheme, perhaps with someone's name.
fn proxy(url: &str, scheme: &str, user: &str) -> String {
    url.replace("http://", &format!("{scheme}://{user}"))
}

/// What was asked of a proxy since the last time.
async fn seen(at: &At, proxy: &str) -> Outcome {
    at.client
        .get(format!("{proxy}/seen"))
        .send()
        .await?
        .text()
        .await
}

/// What comes of a GET, and what the proxy saw of it.
async fn get(at: &At, builder: ClientBuilder, url: String, proxy: &str) -> Outcome {
    let said = match builder.build()?.get(url).send().await {
        Ok(response) => whole(response).await?,
        Err(error) => format!("{}: {}", describe(&error), innermost(&error)),
    };
    Ok(format!("{said}, seen: {}", seen(at, proxy).await?))
}

/// What the first cause of an error says.
fn innermost(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}

/// A case for a proxy that anyone may use.
fn open(
    cases: &mut Cases,
    name: &str,
    proxy: impl FnOnce(&At) -> reqwest::Result<Proxy> + 'static,
    url: impl FnOnce(&At) -> String + 'static,
) {
    cases.case(format!("proxy {name}"), |at| async move {
        let builder = at.builder().proxy(proxy(&at)?);
        get(&at, builder, url(&at), at.proxy()).await
    });
}

/// A case for a proxy that only some may use: with their name and password,
/// with another password, and with none.
fn guarded(
    cases: &mut Cases,
    name: &str,
    scheme: &'static str,
    url: impl Fn(&At) -> String + 'static,
) {
    cases.case(format!("proxy {name} for some"), move |at| async move {
        let mut said = Vec::new();
        for user in ["user:pass%20word@", "user:guess@", ""] {
            let to = proxy(at.guarded_proxy(), scheme, user);
            let builder = at.builder().proxy(Proxy::all(to)?);
            said.push(get(&at, builder, url(&at), at.guarded_proxy()).await?);
        }
        Ok(said.join("; "))
    });
}

pub fn add(cases: &mut Cases) {
    let plain = |at: &At| named(at.good("/host"), PLAIN);
    let secure = |at: &At| named(at.secure("/host"), SECURE);

    open(cases, "of http", |at| Proxy::http(at.proxy()), plain);
    open(cases, "of https", |at| Proxy::https(at.proxy()), secure);
    open(
        cases,
        "of https alone",
        |at| Proxy::https(at.proxy()),
        |at| at.good("/host"),
    );
    open(
        cases,
        "by socks5",
        |at| Proxy::all(proxy(at.proxy(), "socks5", "")),
        |at| at.good("/host"),
    );
    open(
        cases,
        "by socks5h",
        |at| Proxy::all(proxy(at.proxy(), "socks5h", "")),
        plain,
    );
    open(
        cases,
        "by socks5h of https",
        |at| Proxy::all(proxy(at.proxy(), "socks5h", "")),
        secure,
    );

    guarded(cases, "of http", "http", plain);
    guarded(cases, "of https", "http", secure);
    guarded(cases, "by socks5h", "socks5h", plain);
    cases.case("proxy with credentials by an option", |at| async move {
        let proxy = Proxy::all(at.guarded_proxy())?.basic_auth("user", "pass word");
        let builder = at.builder().proxy(proxy);
        get(&at, builder, secure(&at), at.guarded_proxy()).await
    });

    cases.case("proxy of http with a body", |at| async move {
        let client = at.builder().proxy(Proxy::http(at.proxy())?).build()?;
        let body: Vec<u8> = (0..3_000_000).map(byte).collect();
        let request = client.post(named(at.good("/echo"), PLAIN)).body(body);
        let echoed = sum(request.send().await?.bytes().await?);
        Ok(format!("{echoed}, seen: {}", seen(&at, at.proxy()).await?))
    });
    cases.case("proxy of http leaves its mark", |at| async move {
        let client = at.builder().proxy(Proxy::http(at.proxy())?).build()?;
        let response = client.get(named(at.good("/headers"), PLAIN)).send().await?;
        let text = response.text().await?;
        seen(&at, at.proxy()).await?;
        Ok(text.contains("via: 1.1 proxy").to_string())
    });
    cases.case("proxy with headers of its own", |at| async move {
        let mut headers = HeaderMap::new();
        headers.insert(
            "proxy-authorization",
            HeaderValue::from_static("Basic dXNlcjpwYXNzIHdvcmQ="),
        );
        let proxy = Proxy::all(at.guarded_proxy())?.headers(headers);
        let builder = at.builder().proxy(proxy);
        get(&at, builder, secure(&at), at.guarded_proxy()).await
    });
    cases.case("proxy for many requests", |at| async move {
        let client = at.builder().proxy(Proxy::all(at.proxy())?).build()?;
        let requests = (0..16).map(|number| {
            let url = match number % 2 {
                0 => named(at.good("/uri"), PLAIN),
                _ => named(at.secure("/uri"), SECURE),
            };
            let request = client.get(url).send();
            async move { request.await?.text().await }
        });
        let texts = futures_util::future::try_join_all(requests).await?;
        let right = texts.iter().all(|text| text.ends_with("/uri"));
        let any = seen(&at, at.proxy()).await? != "nothing";
        // A connection that was not needed in the end is made all the same, and is
        // nothing that the next case has asked for.
        tokio::time::sleep(Duration::from_millis(300)).await;
        seen(&at, at.proxy()).await?;
        Ok(format!("{right}, seen any: {any}"))
    });
    cases.case("proxy chosen by the url", |at| async move {
        let to: Url = at.proxy().parse().expect("it is a URL");
        let chosen = move |url: &Url| (url.host_str() == Some("localhost")).then(|| to.clone());
        let client = at.builder().proxy(Proxy::custom(chosen)).build()?;
        by_name_and_by_address(&at, client).await
    });
    cases.case("proxy but not for all", |at| async move {
        let mut said = Vec::new();
        for not_for in [
            "localhost",
            "test, LOCALHOST",
            ".localhost",
            "host",
            "127.0.0.1",
            "10.0.0.0/8, 127.0.0.0/8",
            "10.0.0.0/8, ::1",
            "*",
        ] {
            let proxy = Proxy::all(at.proxy())?.no_proxy(NoProxy::from_string(not_for));
            let client = at.builder().proxy(proxy).build()?;
            let seen = by_name_and_by_address(&at, client).await?;
            said.push(format!("({not_for}) {seen}"));
        }
        Ok(said.join("; "))
    });
    // Which these are, the environment says, if anything.
    cases.case("proxy of the environment", |at| async move {
        by_name_and_by_address(&at, at.builder().build()?).await
    });
    cases.case("proxy not of the environment", |at| async move {
        by_name_and_by_address(&at, at.builder().no_proxy().build()?).await
    });

    cases.case("proxy that is not there", |at| async move {
        let mut said = Vec::new();
        for to in [
            "http://127.0.0.1:1",
            "socks5h://127.0.0.1:1",
            "http://name.invalid:1",
        ] {
            for url in [plain(&at), secure(&at)] {
                let builder = at.builder().proxy(Proxy::all(to)?);
                said.push(match builder.build()?.get(url).send().await {
                    Ok(response) => whole(response).await?,
                    Err(error) => format!("connect: {}", error.is_connect()),
                });
            }
        }
        Ok(said.join("; "))
    });
    cases.case("proxy to nowhere", |at| async move {
        let mut said = Vec::new();
        for (scheme, url) in [
            ("http", "http://plain.test:1/"),
            ("http", "https://plain.test:1/"),
            ("socks5h", "http://plain.test:1/"),
            ("http", "https://name.invalid/"),
            ("socks5h", "http://name.invalid/"),
        ] {
            let to = proxy(at.proxy(), scheme, "");
            let builder = at.builder().proxy(Proxy::all(to)?);
            said.push(get(&at, builder, url.to_owned(), at.proxy()).await?);
        }
        Ok(said.join("; "))
    });
    cases.case("proxy of no url", |_| async move {
        Proxy::all("not a url")?;
        Ok("made".to_owned())
    });
    cases.case("proxy in the error's words", |at| async move {
        match at.builder().proxy(Proxy::all(at.proxy())?).build() {
            Ok(_) => Ok("none".to_owned()),
            Err(error) => Ok(innermost(&error)),
        }
    });
}

/// Whether a proxy is asked for `localhost`, and for `127.0.0.1`.
async fn by_name_and_by_address(at: &At, client: reqwest::Client) -> Outcome {
    let mut said = Vec::new();
    for url in [at.good("/host"), at.other_origin("/host")] {
        client.get(url).send().await?.text().await?;
        said.push(seen(at, at.proxy()).await?);
    }
    Ok(said.join("; "))
}
