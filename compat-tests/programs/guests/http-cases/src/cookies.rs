//! Cookies.

use crate::case::{Cases, whole};

pub fn add(cases: &mut Cases) {
    cases.case("cookies kept", |at| async move {
        let client = at.builder().cookie_store(true).build()?;
        client.get(at.good("/cookies/set?a=1&b=2")).send().await?;
        whole(client.get(at.good("/cookies")).send().await?).await
    });
    cases.case("cookies not kept", |at| async move {
        at.client.get(at.good("/cookies/set?a=1")).send().await?;
        whole(at.client.get(at.good("/cookies")).send().await?).await
    });
    cases.case("cookies replaced", |at| async move {
        let client = at.builder().cookie_store(true).build()?;
        client.get(at.good("/cookies/set?a=1")).send().await?;
        client.get(at.good("/cookies/set?a=2")).send().await?;
        whole(client.get(at.good("/cookies")).send().await?).await
    });
    cases.case("cookies of another host", |at| async move {
        let client = at.builder().cookie_store(true).build()?;
        client.get(at.good("/cookies/set?a=1")).send().await?;
        whole(client.get(at.other_origin("/cookies")).send().await?).await
    });
    cases.case("cookies of the response", |at| async move {
        let response = at.client.get(at.good("/cookies/set?a=1")).send().await?;
        let cookies: Vec<String> = response
            .cookies()
            .map(|cookie| format!("{}={} {:?}", cookie.name(), cookie.value(), cookie.path()))
            .collect();
        Ok(cookies.join(", "))
    });
    cases.case("cookies by hand", |at| async move {
        let request = at
            .client
            .get(at.good("/cookies"))
            .header("cookie", "a=1; b=2");
        whole(request.send().await?).await
    });
}
