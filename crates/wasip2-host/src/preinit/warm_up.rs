//! An instance of a component, and how it answers requests.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use http::StatusCode;
use http::header::HOST;
use http_body_util::{BodyExt, Empty};
use tempfile::TempDir;
use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime::component::{Component, Instance, InstancePre};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};

use super::arguments::PreinitArgs;
use super::clock::{Still, Time};
use super::failure::Failure;
use super::random::{Drawn, RecordingRng};
use super::request::Request;
use super::resources::Resources;
use crate::arguments::Mode;
use crate::program::Loader;
use crate::rights::Directory;
use crate::wasi::p2::denial::Denials;
use crate::wasi::p2::guest::{Guest, Streams};
use crate::wasi::p2::link;

/// The authority that requests are for.
const AUTHORITY: &str = "localhost";

/// What a directory is called that is there only so that asking for directories
/// is noticed.
const WITNESS: &str = "/.preinit";

/// What an instance does first, as a request is called.
const START: &str = "its start";

/// A component that is ready to be instantiated, and what it will be asked.
pub struct Candidate {
    component: InstancePre<Guest>,
    store: Store<Guest>,
    requests: Vec<Request>,
    limit: Duration,
    time: Time,
    drawn: Drawn,
    _witness: TempDir,
}

/// An instance that has answered.
pub struct WarmInstance {
    pub store: Store<Guest>,
    pub instance: Instance,
    /// How it answered each request.
    pub answers: Vec<(Request, StatusCode)>,
    drawn: Drawn,
}

impl Candidate {
    /// One for `wasm`, which was made of the component that `arguments` name.
    pub fn new(
        loader: &Loader,
        wasm: &[u8],
        time: Time,
        arguments: &PreinitArgs,
        denials: Denials,
    ) -> Result<Candidate> {
        let engine = loader.engine();
        let path = &arguments.component;
        let component = Component::from_binary(engine, wasm)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("{} is not a valid component", path.display()))?;
        let component = link::link(engine, &component, Mode::Async, &arguments.rights)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("{} cannot serve", path.display()))?;
        let drawn = Drawn::default();
        let name = path.file_name().unwrap_or(path.as_os_str());
        let argv = [name.to_string_lossy().into_owned()];
        let random = RecordingRng(drawn.clone());
        let insecure = RecordingRng(drawn.clone());
        let witness = tempfile::tempdir().context("no directory could be made")?;
        let mut rights = arguments.rights.clone();
        if rights.directories.is_empty() && !arguments.no_dir && time == Time::Still {
            // A guest that asks which there are keeps the answer, "none", in
            // its memory, and nobody would know. One that is there is kept, too.
            rights.directories.push(Directory {
                host: witness.path().to_owned(),
                guest: WITNESS.to_owned(),
            });
        }
        let guest = Guest::with(&argv, Streams::Errors, &rights, denials, |wasi| {
            wasi.secure_random(random).insecure_random(insecure);
            if time == Time::Still {
                wasi.monotonic_clock(Still);
            }
        })?;
        let mut store = Store::new(engine, guest);
        // The whole of its memory passes through one call.
        store.set_hostcall_fuel(usize::MAX);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        Ok(Candidate {
            component,
            store,
            requests: arguments.requests.clone(),
            limit: arguments.timeout,
            time,
            drawn,
            _witness: witness,
        })
    }

    /// Has a new instance answer each request, one after the other.
    pub async fn serve(mut self) -> Result<WarmInstance, Failure> {
        let start = async {
            let instance = self
                .component
                .instantiate_async(&mut self.store)
                .await
                .map_err(|error| Failure::Trap(START.to_owned(), error))?;
            let proxy = Proxy::new(&mut self.store, &instance)
                .map_err(anyhow::Error::from)
                .context(
                    "it does not export `wasi:http/incoming-handler`: only handlers can be \
                     pre-initialised",
                )?;
            Ok::<_, Failure>((instance, proxy))
        };
        let (instance, proxy) = match tokio::time::timeout(self.limit, start).await {
            Ok(started) => started?,
            Err(_) => return Err(Failure::TimeLimit(START.to_owned(), self.limit, self.time)),
        };
        let mut answers = Vec::new();
        for request in &self.requests {
            let answer = answer(&mut self.store, &proxy, request);
            match tokio::time::timeout(self.limit, answer).await {
                Ok(answered) => answers.push((request.clone(), answered?)),
                Err(_) => {
                    return Err(Failure::TimeLimit(
                        format!("`{request}`"),
                        self.limit,
                        self.time,
                    ));
                }
            }
        }
        Ok(WarmInstance {
            store: self.store,
            instance,
            answers,
            drawn: self.drawn,
        })
    }
}

impl WarmInstance {
    /// Whether an instance can go on from this one's memory alone.
    pub fn check(&mut self, arguments: &PreinitArgs) -> Result<()> {
        let held = Resources::of(&mut self.store.data_mut().table);
        if !held.is_empty() {
            let directory = match held.has_files() && arguments.rights.directories.is_empty() {
                true => {
                    "; if no instance is to be given a directory, say so (--no-dir): what asks \
                     for them keeps them"
                }
                false => "",
            };
            bail!(
                "the component still holds {held} of its host's after its answer, which no other \
                 instance has: give a request (--request) that opens and writes to nothing, such \
                 as files, standard error or connections that are kept{directory}"
            );
        }
        if self.drawn.is_any() && !arguments.allow_random {
            bail!(
                "the component drew random numbers: what it keeps of them, such as a \
                 generator's state or a key, would be the same in every instance; give a request \
                 (--request) that draws none, or allow it (--allow-random) if nothing secret \
                 comes of it"
            );
        }
        Ok(())
    }
}

/// Has the instance answer `request`, and takes the whole response; gives back
/// its status.
async fn answer(
    store: &mut Store<Guest>,
    proxy: &Proxy,
    request: &Request,
) -> Result<StatusCode, Failure> {
    let (sender, mut receiver) = oneshot::channel();
    let mut http = store.data_mut().http();
    let body = Empty::<Bytes>::new().map_err(|_| ErrorCode::InternalError(None));
    let uri = format!("http://{AUTHORITY}{}", request.path);
    let message = http::Request::builder()
        .method(&request.method)
        .uri(uri)
        .header(HOST, AUTHORITY)
        .body(body)
        .context("it is not a valid request")?;
    let out = http
        .new_response_outparam(sender)
        .map_err(anyhow::Error::from)?;
    let message = http
        .new_incoming_request(Scheme::Http, message)
        .map_err(|error| anyhow!("the request could not be handed over: {error}"))?;

    let mut call = pin!(
        proxy
            .wasi_http_incoming_handler()
            .call_handle(store, message, out)
    );
    let trapped = |error| Failure::Trap(format!("`{request}`"), error);
    let mut over = false;
    let head = tokio::select! {
        biased;
        head = &mut receiver => match head {
            Ok(head) => Some(head),
            // It may have dropped what it is to answer by, and go on to a trap.
            Err(_) => {
                (&mut call).await.map_err(trapped)?;
                None
            }
        },
        called = &mut call => {
            called.map_err(trapped)?;
            over = true;
            // What was sent last may still be there.
            receiver.try_recv().ok()
        }
    };
    let response = head
        .with_context(|| format!("the component returned without a response to `{request}`"))?
        .map_err(|code| anyhow!("the component answered `{request}` with an error: {code}"))?;
    let status = response.status();
    let rest = async {
        match over {
            true => Ok(()),
            false => call.await.map_err(trapped),
        }
    };
    let body = async {
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            frame.map_err(|code| anyhow!("the body of the response to `{request}`: {code}"))?;
        }
        Ok(())
    };
    tokio::try_join!(rest, body)?;
    if status.is_server_error() {
        return Err(Failure::Status(request.to_string(), status));
    }
    Ok(status)
}
