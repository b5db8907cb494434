//! Connections that go over to another protocol, as for websockets.

use reqwest::header::{CONNECTION, UPGRADE};
use reqwest::{Client, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::case::{Cases, Outcome, byte, sum};

/// Asks for a protocol that the server has: each byte comes back as the next.
async fn ask(client: &Client, url: String, protocol: &str) -> reqwest::Result<Response> {
    client
        .get(url)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, protocol)
        .send()
        .await
}

/// Speaks it.
async fn speak(response: Response) -> Outcome {
    let status = response.status().as_u16();
    let protocol = response.headers().get(UPGRADE).cloned();
    let mut upgraded = response.upgrade().await?;
    let spoken = async {
        // By turns, and then both ways at once.
        let mut turns = Vec::new();
        for turn in 0..3u8 {
            upgraded.write_all(&[turn]).await?;
            turns.push(upgraded.read_u8().await?);
        }
        let (mut reader, mut writer) = tokio::io::split(&mut upgraded);
        let sending = async {
            let bytes: Vec<u8> = (0..1_000_000).map(byte).collect();
            writer.write_all(&bytes).await?;
            writer.shutdown().await
        };
        let mut received = Vec::new();
        let (sent, read) = tokio::join!(sending, reader.read_to_end(&mut received));
        sent.and(read)?;
        let back = received.into_iter().map(|byte| byte.wrapping_sub(1));
        Ok::<_, std::io::Error>(format!("{turns:?}, {}", sum(back)))
    };
    let spoken = spoken.await.unwrap_or_else(|error| error.to_string());
    Ok(format!("{status} to {protocol:?}: {spoken}"))
}

pub fn add(cases: &mut Cases) {
    cases.case("upgrade", |at| async move {
        speak(ask(&at.client, at.good("/upgrade"), "successor").await?).await
    });
    cases.case("upgrade over https", |at| async move {
        speak(ask(&at.client, at.secure("/upgrade"), "successor").await?).await
    });
    cases.case("upgrade while others are answered", |at| async move {
        let one = ask(&at.client, at.good("/upgrade"), "successor").await?;
        let other = ask(&at.client, at.good("/upgrade"), "successor").await?;
        let beside = async {
            at.client
                .get(at.good("/wait/20"))
                .send()
                .await?
                .text()
                .await
        };
        let (one, other, beside) = tokio::join!(speak(one), speak(other), beside);
        Ok(format!("{}, {}", one? == other?, beside?))
    });
    cases.case("upgrade to what the server lacks", |at| async move {
        let response = ask(&at.client, at.good("/upgrade"), "other").await?;
        let status = response.status().as_u16();
        response.upgrade().await?;
        Ok(format!("{status}, and upgraded"))
    });
    cases.case("upgrade of a usual response", |at| async move {
        at.client
            .get(at.good("/method"))
            .send()
            .await?
            .upgrade()
            .await?;
        Ok("upgraded".to_owned())
    });
    cases.case("upgrade in the error's words", |at| async move {
        use std::error::Error;
        let response = at.client.get(at.good("/method")).send().await?;
        match response.upgrade().await {
            Ok(_) => Ok("none".to_owned()),
            Err(error) => Ok(error.source().map(ToString::to_string).unwrap_or_default()),
        }
    });
}
