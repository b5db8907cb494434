//! Bodies that come and go piece by piece.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use reqwest::Body;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::case::{Cases, byte, sum, whole};

const MEBIBYTE: usize = 1 << 20;

/// A body of so many pieces of so many bytes.
fn pieces(count: usize, length: usize) -> Body {
    Body::wrap_stream(stream::iter((0..count).map(move |piece| {
        let begin = piece * length;
        Ok::<_, Infallible>((begin..begin + length).map(byte).collect::<Bytes>())
    })))
}

/// A body that the other end of a channel gives.
fn channel() -> (mpsc::Sender<Result<Bytes, io::Error>>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    (sender, Body::wrap_stream(pieces))
}

pub fn add(cases: &mut Cases) {
    cases.case("stream framing", |at| async move {
        let request = at.client.post(at.good("/body")).body(pieces(3, 2));
        whole(request.send().await?).await
    });
    cases.case("stream of nothing", |at| async move {
        let request = at.client.post(at.good("/body")).body(pieces(0, 0));
        whole(request.send().await?).await
    });
    cases.case("stream of empty pieces", |at| async move {
        let request = at.client.post(at.good("/count")).body(pieces(10, 0));
        whole(request.send().await?).await
    });
    for (name, count, length) in [("small", 1_000, 10), ("large", 4, 2 * MEBIBYTE)] {
        cases.case(format!("stream of {name} pieces"), move |at| async move {
            let request = at
                .client
                .post(at.good("/count"))
                .body(pieces(count, length));
            whole(request.send().await?).await
        });
    }
    cases.case("stream of 64 MiB sent", |at| async move {
        let request = at.client.post(at.good("/count")).body(pieces(64, MEBIBYTE));
        whole(request.send().await?).await
    });
    cases.case("stream of 64 MiB received", |at| async move {
        let url = at.good(&format!("/chunks/64/{MEBIBYTE}"));
        let mut response = at.client.get(url).send().await?;
        let mut length = 0;
        let mut right = true;
        while let Some(chunk) = response.chunk().await? {
            // HTTP/2 has pieces of nothing.
            right &= chunk.first().is_none_or(|first| *first == byte(length));
            length += chunk.len();
        }
        Ok(format!("{length} bytes, right: {right}"))
    });
    cases.case("stream echoed", |at| async move {
        let request = at
            .client
            .post(at.good("/echo"))
            .body(pieces(16, MEBIBYTE / 4));
        Ok(sum(request.send().await?.bytes().await?))
    });
    cases.case("stream of chunks received", |at| async move {
        let response = at.client.get(at.good("/chunks/100/100")).send().await?;
        let known = response.content_length();
        Ok(format!("{}, known {known:?}", sum(response.bytes().await?)))
    });
    cases.case("stream read as a stream", |at| async move {
        let response = at.client.get(at.good("/chunks/100/100")).send().await?;
        let mut body = response.bytes_stream();
        let mut length = 0;
        while let Some(bytes) = body.next().await {
            length += bytes?.len();
        }
        Ok(length.to_string())
    });
    cases.case("stream slowly sent", |at| async move {
        let slow = stream::iter(0..5).then(|piece| async move {
            sleep(Duration::from_millis(20)).await;
            Ok::<_, Infallible>(Bytes::from(piece.to_string()))
        });
        let request = at
            .client
            .post(at.good("/body"))
            .body(Body::wrap_stream(slow));
        whole(request.send().await?).await
    });
    cases.case("stream both ways by turns", |at| async move {
        let (sender, body) = channel();
        let sending = at.client.post(at.good("/ping-pong")).body(body).send();
        let first = async { drop(sender.send(Ok(Bytes::from("0"))).await) };
        let (response, ()) = tokio::join!(sending, first);
        let mut response = response?;
        let mut said = Vec::new();
        for turn in 1..5 {
            let Some(chunk) = response.chunk().await? else {
                break;
            };
            said.push(String::from_utf8_lossy(&chunk).into_owned());
            // Nothing but the answer to the last piece lets the next one go.
            drop(sender.send(Ok(Bytes::from(turn.to_string()))).await);
        }
        drop(sender);
        while let Some(chunk) = response.chunk().await? {
            said.push(String::from_utf8_lossy(&chunk).into_owned());
        }
        Ok(said.join(", "))
    });
    cases.case("stream sent while no one reads", |at| async move {
        let (sender, body) = channel();
        let sending = at.client.post(at.good("/ping-pong")).body(body).send();
        let first = async { drop(sender.send(Ok(Bytes::from("0"))).await) };
        let (response, ()) = tokio::join!(sending, first);
        let response = response?;
        // More than fits into the channel, before the response is looked at.
        for turn in 1..20 {
            if sender
                .send(Ok(Bytes::from(format!(" {turn}"))))
                .await
                .is_err()
            {
                break;
            }
        }
        drop(sender);
        Ok(response.text().await?.matches("pong").count().to_string())
    });
    cases.case("stream that fails at once", |at| async move {
        let body = Body::wrap_stream(stream::iter([Err::<Bytes, _>(io::Error::other("mine"))]));
        whole(at.client.post(at.good("/count")).body(body).send().await?).await
    });
    cases.case("stream that fails half way", |at| async move {
        let pieces = [Ok("half"), Err(io::Error::other("mine"))];
        let body = Body::wrap_stream(stream::iter(pieces));
        whole(at.client.post(at.good("/count")).body(body).send().await?).await
    });
    cases.case(
        "stream that fails after the response began",
        |at| async move {
            let (sender, body) = channel();
            let sending = at.client.post(at.good("/ping-pong")).body(body).send();
            let first = async { drop(sender.send(Ok(Bytes::from("0"))).await) };
            let (response, ()) = tokio::join!(sending, first);
            let mut response = response?;
            let chunk = response.chunk().await?;
            drop(sender.send(Err(io::Error::other("mine"))).await);
            match response.text().await {
                Ok(_) => Ok(format!("{chunk:?}, then an end")),
                Err(_) => Ok(format!("{chunk:?}, then an error")),
            }
        },
    );
    cases.case("stream answered before it is sent", |at| async move {
        let request = at
            .client
            .post(at.faulty("/early"))
            .body(pieces(64, MEBIBYTE / 16));
        whole(request.send().await?).await
    });
    cases.case("stream dropped half way", |at| async move {
        let mut response = at.client.get(at.good("/chunks/1000/10000")).send().await?;
        let some = response.chunk().await?.is_some();
        drop(response);
        let next = whole(at.client.get(at.good("/method")).send().await?).await?;
        Ok(format!("{some}, next: {next}"))
    });
    cases.case("trailers sent", |at| async move {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("42"));
        let frames = [
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"before"))),
            Ok(Frame::trailers(trailers)),
        ];
        let body = StreamBody::new(stream::iter(frames));
        let request = at
            .client
            .post(at.good("/received-trailers"))
            .header("trailer", "x-sum")
            .body(Body::wrap(body));
        whole(request.send().await?).await
    });
    cases.case("trailers received", |at| async move {
        let request = at.client.get(at.good("/trailers")).header("te", "trailers");
        let response: http::Response<Body> = request.send().await?.into();
        let collected = response.into_body().collect().await?;
        let trailers = collected.trailers().cloned();
        let sum = trailers.and_then(|trailers| trailers.get("x-sum").cloned());
        Ok(format!("{sum:?}, {:?}", collected.to_bytes()))
    });
}
