//! object_store keeps objects in a WebDAV server, over reqwest.
//!
//! It leaves the client to whoever uses it on WASI; this one is what it does by
//! itself elsewhere.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future, stream};
use http_body_util::BodyExt;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::http::{HttpBuilder, HttpStore};
use object_store::path::Path;
use object_store::{
    ClientOptions, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload,
};

/// Has reqwest send requests.
#[derive(Debug)]
struct Reqwest(reqwest::Client);

#[async_trait]
impl HttpService for Reqwest {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let error = |error| HttpError::new(HttpErrorKind::Unknown, error);
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        let body = match body.as_bytes() {
            Some(bytes) => bytes.clone().into(),
            None => reqwest::Body::wrap_stream(body.into_data_stream()),
        };
        let request = self.0.request(parts.method, url).headers(parts.headers);
        let response = request.body(body).send().await.map_err(error)?;
        let (parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
        let body = HttpResponseBody::new(body.map_err(error));
        Ok(HttpResponse::from_parts(parts, body))
    }
}

impl HttpConnector for Reqwest {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Reqwest(self.0.clone())))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).expect("the server's URL");
    let store = HttpBuilder::new()
        .with_url(url)
        .with_http_connector(Reqwest(reqwest::Client::new()))
        .build()?;
    whole_and_in_part(&store).await?;
    listed(&store).await?;
    copied_and_deleted(&store).await?;
    at_once(&store).await?;
    checks::finish();
    Ok(())
}

async fn whole_and_in_part(store: &HttpStore) -> object_store::Result<()> {
    let path = Path::from("objects/report.txt");
    let text = "What is kept is kept.";
    let put = store.put(&path, text.into()).await?;
    checks::that("a new object has a tag", put.e_tag.is_some());
    let got = store.get(&path).await?;
    checks::that("the tag is its own", got.meta.e_tag == put.e_tag);
    checks::equal("the length", got.meta.size, text.len() as u64);
    checks::equal("what was put is got", got.bytes().await?, text);

    let part = store.get_range(&path, 5..12).await?;
    checks::equal("a part", part, &text[5..12]);
    let parts = store.get_ranges(&path, &[0..4, 16..21]).await?;
    checks::equal("several parts", parts, ["What", "kept."]);
    let last = GetOptions {
        range: Some(GetRange::Suffix(5)),
        ..GetOptions::default()
    };
    let last = store.get_opts(&path, last).await?;
    checks::equal("where the end is", last.range.clone(), 16..21);
    checks::equal("the end", last.bytes().await?, "kept.");
    let unchanged = GetOptions {
        if_none_match: put.e_tag.clone(),
        ..GetOptions::default()
    };
    let unchanged = store.get_opts(&path, unchanged).await;
    checks::that(
        "what is unchanged is not sent",
        matches!(unchanged, Err(Error::NotModified { .. })),
    );

    let again = store.put(&path, "Something else.".into()).await?;
    checks::that("another content has another tag", again.e_tag != put.e_tag);
    let head = store.head(&path).await?;
    checks::equal("the length of the other one", head.size, 15);

    let chunks = (0..64u8).map(|byte| Bytes::from(vec![byte; 64 << 10]));
    let large: PutPayload = chunks.collect();
    let path = Path::from("objects/large");
    store.put(&path, large).await?;
    let mut got = store.get(&path).await?.into_stream();
    let (mut length, mut sum) = (0, 0);
    while let Some(chunk) = got.next().await {
        let chunk = chunk?;
        length += chunk.len();
        sum += chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    }
    checks::equal("four megabytes, in a stream", length, 4 << 20);
    checks::equal("each of its bytes", sum, (64 << 10) * (63 * 64 / 2));
    Ok(())
}

async fn listed(store: &HttpStore) -> object_store::Result<()> {
    for name in ["2025/may", "2025/june", "2026/may", "index"] {
        let path = Path::from(format!("objects/logs/{name}"));
        store.put(&path, name.to_owned().into()).await?;
    }
    let logs = Path::from("objects/logs");
    let all: Vec<_> = store.list(Some(&logs)).try_collect().await?;
    let mut names: Vec<_> = all.iter().map(|one| one.location.as_ref()).collect();
    names.sort_unstable();
    let expected = ["2025/june", "2025/may", "2026/may", "index"];
    let expected = expected.map(|name| format!("objects/logs/{name}"));
    checks::equal("all below a prefix", names, expected);
    let length: u64 = all.iter().map(|one| one.size).sum();
    checks::equal("their lengths", length, 30);

    let level = store.list_with_delimiter(Some(&logs)).await?;
    let years: Vec<_> = level.common_prefixes.iter().map(Path::as_ref).collect();
    checks::equal(
        "what has a level below it",
        years,
        ["objects/logs/2025", "objects/logs/2026"],
    );
    checks::equal("what is on its own", level.objects.len(), 1);
    let nothing = Path::from("objects/nothing");
    let nothing: Vec<_> = store.list(Some(&nothing)).try_collect().await?;
    checks::that("nothing is below another prefix", nothing.is_empty());
    Ok(())
}

async fn copied_and_deleted(store: &HttpStore) -> object_store::Result<()> {
    let from = Path::from("objects/logs/index");
    let to = Path::from("objects/logs/copy");
    store.copy(&from, &to).await?;
    let copy = store.get(&to).await?.bytes().await?;
    checks::equal("a copy", copy, "index");
    let refused = store.copy_if_not_exists(&from, &to).await;
    checks::that(
        "what is there stays",
        matches!(refused, Err(Error::AlreadyExists { .. })),
    );
    store.delete(&from).await?;
    let gone = store.get(&from).await;
    checks::that(
        "what is deleted is gone",
        matches!(gone, Err(Error::NotFound { .. })),
    );
    let gone = store.head(&from).await;
    checks::that(
        "for head as well",
        matches!(gone, Err(Error::NotFound { .. })),
    );

    let logs = Path::from("objects/logs");
    let all = store.list(Some(&logs)).map_ok(|one| one.location).boxed();
    let deleted: Vec<_> = store.delete_stream(all).try_collect().await?;
    checks::equal("all at once", deleted.len(), 4);
    let left: Vec<_> = store.list(Some(&logs)).try_collect().await?;
    checks::that("and nothing is left", left.is_empty());
    Ok(())
}

async fn at_once(store: &HttpStore) -> object_store::Result<()> {
    let paths: Vec<_> = (0..40)
        .map(|number| Path::from(format!("objects/many/{number}")))
        .collect();
    let puts = paths
        .iter()
        .map(|path| store.put(path, path.to_string().into()));
    future::try_join_all(puts).await?;
    let got: Vec<_> = stream::iter(&paths)
        .map(async |path| store.get(path).await?.bytes().await)
        .buffered(16)
        .try_collect()
        .await?;
    for (path, got) in paths.iter().zip(got) {
        checks::equal("each its own", got, path.as_ref());
    }
    Ok(())
}
