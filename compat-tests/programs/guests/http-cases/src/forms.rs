//! Forms.

use reqwest::Body;
use reqwest::multipart::{Form, Part};

use crate::case::{At, Cases, Outcome, whole};

/// Sends a form; its boundary is another each time.
async fn post(at: At, form: Form) -> Outcome {
    let boundary = form.boundary().to_owned();
    let request = at.client.post(at.good("/body")).multipart(form);
    let said = whole(request.send().await?).await?;
    Ok(said.replace(&boundary, "BOUNDARY"))
}

pub fn add(cases: &mut Cases) {
    cases.case("form urlencoded", |at| async move {
        let form = [("name", "va lue"), ("é", "&=")];
        whole(at.client.post(at.good("/body")).form(&form).send().await?).await
    });
    cases.case("form multipart text", |at| {
        post(at, Form::new().text("name", "value").text("é", "ü"))
    });
    cases.case("form multipart bytes", |at| async move {
        let part = Part::bytes(vec![0, 255])
            .file_name("file.bin")
            .mime_str("application/x-mine")?;
        post(at, Form::new().part("file", part)).await
    });
    cases.case("form multipart of a stream", |at| async move {
        let body = Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(
            "streamed",
        )]));
        post(
            at,
            Form::new().part("file", Part::stream(body).file_name("f")),
        )
        .await
    });
    cases.case("form multipart of a stream with length", |at| async move {
        let body = Body::from("streamed");
        post(
            at,
            Form::new().part("file", Part::stream_with_length(body, 8)),
        )
        .await
    });
    cases.case("form multipart of nothing", |at| post(at, Form::new()));
}
