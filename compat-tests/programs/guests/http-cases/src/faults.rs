//! A server that breaks HTTP's rules.

use crate::case::{Cases, whole};

pub fn add(cases: &mut Cases) {
    for fault in [
        "garbage",
        "close",
        "mid-status",
        "mid-header",
        "mid-chunk",
        "no-last-chunk",
        "bad-chunk",
        "mid-body",
        "too-long",
        "two-lengths",
        "bad-length",
        "status-20",
        "no-reason",
        "version-9",
        "http-1.0",
        "header-without-colon",
        "nul-in-header",
        "informational",
        "reset",
        "reset-mid-body",
        "drip/10",
        "drip-header/5",
    ] {
        cases.case(format!("fault {fault}"), move |at| async move {
            whole(
                at.client
                    .get(at.faulty(&format!("/{fault}")))
                    .send()
                    .await?,
            )
            .await
        });
        cases.case(
            format!("fault {fault} while sending"),
            move |at| async move {
                let url = at.faulty(&format!("/{fault}"));
                whole(at.client.post(url).body("a body").send().await?).await
            },
        );
    }
}
