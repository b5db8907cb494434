//! Authorization.

use crate::case::{Cases, whole};

pub fn add(cases: &mut Cases) {
    cases.case("auth basic", |at| async move {
        let request = at
            .client
            .get(at.good("/headers"))
            .basic_auth("user", Some("päss:word"));
        whole(request.send().await?).await
    });
    cases.case("auth basic without a password", |at| async move {
        let request = at
            .client
            .get(at.good("/headers"))
            .basic_auth("user", None::<&str>);
        whole(request.send().await?).await
    });
    cases.case("auth bearer", |at| async move {
        let request = at.client.get(at.good("/headers")).bearer_auth("token");
        whole(request.send().await?).await
    });
    cases.case("auth of the url", |at| async move {
        let url = at.good("/headers").replace("http://", "http://user:pass@");
        whole(at.client.get(url).send().await?).await
    });
    cases.case("auth of the url is not in the host", |at| async move {
        let url = at.good("/host").replace("http://", "http://user:pass@");
        whole(at.client.get(url).send().await?).await
    });
}
