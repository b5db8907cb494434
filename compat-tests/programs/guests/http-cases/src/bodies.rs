//! Bodies that are whole before they are sent.

use reqwest::Body;

use crate::case::{Cases, byte, sum, whole};

pub fn add(cases: &mut Cases) {
    for length in [0, 1, 1_000, 65_536, 1_048_576, 3_000_000] {
        cases.case(format!("body of {length} sent"), move |at| async move {
            let body: Vec<u8> = (0..length).map(byte).collect();
            let expected = sum(body.iter().copied());
            let request = at.client.post(at.good("/count")).body(body);
            let received = request.send().await?.text().await?;
            Ok(format!("{received}, as sent: {}", received == expected))
        });
        cases.case(format!("body of {length} received"), move |at| async move {
            let response = at
                .client
                .get(at.good(&format!("/bytes/{length}")))
                .send()
                .await?;
            let known = response.content_length();
            Ok(format!("{}, known {known:?}", sum(response.bytes().await?)))
        });
        cases.case(format!("body of {length} echoed"), move |at| async move {
            let body: Vec<u8> = (0..length).map(byte).collect();
            let request = at.client.post(at.good("/echo")).body(body);
            Ok(sum(request.send().await?.bytes().await?))
        });
    }
    cases.case("body framing of text", |at| async move {
        whole(at.client.put(at.good("/body")).body("text").send().await?).await
    });
    cases.case("body framing of static bytes", |at| async move {
        let request = at.client.put(at.good("/body")).body(&b"\0\xff"[..]);
        whole(request.send().await?).await
    });
    cases.case("body framing of an own length", |at| async move {
        let request = at
            .client
            .put(at.good("/body"))
            .header("content-length", "4")
            .body("text");
        whole(request.send().await?).await
    });
    cases.case("body shorter than its length", |at| async move {
        let request = at
            .client
            .put(at.good("/body"))
            .header("content-length", "9")
            .body(Body::wrap_stream(futures_util::stream::iter([Ok::<
                _,
                std::io::Error,
            >(
                "text"
            )])));
        whole(request.send().await?).await
    });
    cases.case("body longer than its length", |at| async move {
        let request = at
            .client
            .put(at.good("/body"))
            .header("content-length", "2")
            .body(Body::wrap_stream(futures_util::stream::iter([Ok::<
                _,
                std::io::Error,
            >(
                "text"
            )])));
        whole(request.send().await?).await
    });
    cases.case("body of json", |at| async move {
        let json = serde_json::json!({ "key": ["é", 1, null] });
        whole(at.client.post(at.good("/body")).json(&json).send().await?).await
    });
    cases.case("body of json echoed", |at| async move {
        let json = serde_json::json!({ "key": ["é", 1, null] });
        let request = at.client.post(at.good("/echo")).json(&json);
        let echoed: serde_json::Value = request.send().await?.json().await?;
        Ok((echoed == json).to_string())
    });
    cases.case("body that is no json", |at| async move {
        let response = at.client.get(at.good("/method")).send().await?;
        let value: serde_json::Value = response.json().await?;
        Ok(value.to_string())
    });
}
