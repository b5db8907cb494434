//! Redirects.

use reqwest::header::{AUTHORIZATION, COOKIE};
use reqwest::{Method, redirect};

use crate::case::{At, Cases, whole};

fn to(at: &At, code: u16, to: &str) -> String {
    at.good(&format!("/redirect/{code}?to={to}"))
}

pub fn add(cases: &mut Cases) {
    for code in [301, 302, 303, 307, 308] {
        for method in [Method::GET, Method::POST, Method::PUT, Method::HEAD] {
            cases.case(
                format!("redirect {code} of {method}"),
                move |at| async move {
                    let body = if matches!(method, Method::POST | Method::PUT) {
                        "sent"
                    } else {
                        ""
                    };
                    let request = at.client.request(method, to(&at, code, "/method"));
                    whole(request.body(body).send().await?).await
                },
            );
        }
        cases.case(
            format!("redirect {code} with the body"),
            move |at| async move {
                let request = at.client.post(to(&at, code, "/body")).body("sent");
                whole(request.send().await?).await
            },
        );
    }
    for code in [300, 304, 305] {
        cases.case(format!("redirect {code} is none"), move |at| async move {
            let response = at.client.get(to(&at, code, "/method")).send().await?;
            Ok(response.status().as_u16().to_string())
        });
    }
    cases.case("redirect 307 of a stream", |at| async move {
        let body =
            reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(
                "once",
            )]));
        let request = at.client.post(to(&at, 307, "/body")).body(body);
        Ok(request.send().await?.status().as_u16().to_string())
    });
    cases.case("redirect ten times", |at| async move {
        whole(at.client.get(at.good("/hops/10")).send().await?).await
    });
    cases.case("redirect eleven times", |at| async move {
        whole(at.client.get(at.good("/hops/11")).send().await?).await
    });
    cases.case("redirect in a loop", |at| async move {
        let url = at.good("/redirect/302?to=/redirect/302");
        let client = at
            .builder()
            .redirect(redirect::Policy::custom(|attempt| {
                if attempt.previous().len() > 3 {
                    attempt.error("enough")
                } else {
                    attempt.follow()
                }
            }))
            .build()?;
        whole(
            client
                .get(url.replace("to=/redirect/302", "to=/hops/9"))
                .send()
                .await?,
        )
        .await
    });
    cases.case("redirect not followed", |at| async move {
        let client = at.builder().redirect(redirect::Policy::none()).build()?;
        let response = client.get(to(&at, 302, "/method")).send().await?;
        let location = response.headers().get("location").cloned();
        Ok(format!("{} {location:?}", response.status().as_u16()))
    });
    cases.case("redirect stopped", |at| async move {
        let client = at
            .builder()
            .redirect(redirect::Policy::custom(|attempt| attempt.stop()))
            .build()?;
        let response = client.get(to(&at, 302, "/method")).send().await?;
        Ok(response.status().as_u16().to_string())
    });
    cases.case("redirect keeps headers at one origin", |at| async move {
        let request = at
            .client
            .get(to(&at, 302, "/headers"))
            .header(AUTHORIZATION, "secret")
            .header("x-other", "kept");
        let text = request.send().await?.text().await?;
        Ok(format!(
            "{} {} {}",
            text.contains("secret"),
            text.contains("kept"),
            text.contains("referer:")
        ))
    });
    cases.case(
        "redirect strips headers for another origin",
        |at| async move {
            let request = at
                .client
                .get(to(&at, 302, &at.other_origin("/headers")))
                .header(AUTHORIZATION, "secret")
                .header(COOKIE, "secret")
                .header("x-other", "kept");
            let text = request.send().await?.text().await?;
            Ok(format!(
                "{} {}",
                text.contains("secret"),
                text.contains("kept")
            ))
        },
    );
    cases.case("redirect without a referer", |at| async move {
        let client = at.builder().referer(false).build()?;
        let text = client
            .get(to(&at, 302, "/headers"))
            .send()
            .await?
            .text()
            .await?;
        Ok(text.contains("referer:").to_string())
    });
    cases.case("redirect to a bad scheme", |at| async move {
        let url = to(&at, 302, "ftp://localhost/");
        let response = at.client.get(url).send().await?;
        Ok(response.status().as_u16().to_string())
    });
    cases.case("redirect to no server", |at| async move {
        let url = to(&at, 302, "http://127.0.0.1:1/");
        whole(at.client.get(url).send().await?).await
    });
    cases.case("redirect url of the response", |at| async move {
        let response = at.client.get(to(&at, 302, "/uri?q=1")).send().await?;
        Ok(response.url().path().to_owned())
    });
}
