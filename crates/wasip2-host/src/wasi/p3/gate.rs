//! Where the host decides, or takes note of, what a guest does, though
//! wasmtime-wasi does not ask back.
//!
//! As in 0.2, a gate passes every call on to what stands behind it.

use std::future::Future;
use std::pin::pin;

use wasmtime::component::{Accessor, HasData, Linker, Resource};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p3::bindings::sockets::{ip_name_lookup, types};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};
use wasmtime_wasi_io::bindings::wasi::io::poll;

use crate::rights::Rights;
use crate::wasi::p2::denial::Right;
use crate::wasi::p2::gate::Poll;
use crate::wasi::p2::guest::Guest;

/// Puts the gates into `linker`, over what is linked there.
pub fn add_to_linker(linker: &mut Linker<Guest>, rights: &Rights) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    poll::add_to_linker::<Guest, OldPoll<'static>>(linker, |guest| OldPoll { guest })?;
    if !rights.name_lookup || !rights.stand_ins.hosts.is_empty() {
        ip_name_lookup::add_to_linker::<Guest, NameLookup<'static>>(linker, |guest| NameLookup {
            guest,
        })?;
    }
    Ok(())
}

/// Stands in for `wasi:sockets/ip-name-lookup` where it is not allowed, or
/// where names stand for other addresses.
struct NameLookup<'a> {
    guest: &'a mut Guest,
}

impl HasData for NameLookup<'static> {
    type Data<'a> = NameLookup<'a>;
}

impl ip_name_lookup::Host for NameLookup<'_> {}

impl ip_name_lookup::HostWithStore<Guest> for NameLookup<'static> {
    async fn resolve_addresses(
        store: &Accessor<Guest, Self>,
        name: String,
    ) -> wasmtime::Result<Result<Vec<types::IpAddress>, ip_name_lookup::ErrorCode>> {
        let known = store.with(|mut store| {
            let guest = store.get().guest;
            let known = guest.names.address(&name);
            if known.is_none() && !guest.names.others {
                (guest.denials).note(Right::NameLookup, || format!("the lookup of `{name}`"));
                return Err(ip_name_lookup::ErrorCode::PermanentResolverFailure);
            }
            Ok(known)
        });
        let name = match known {
            Err(error) => return Ok(Err(error)),
            // An address is its own name.
            Ok(Some(address)) => address.to_string(),
            Ok(None) => name,
        };
        let behind = store.with_getter::<WasiSockets>(|guest| guest.sockets());
        WasiSockets::resolve_addresses(&behind, name).await
    }
}

/// Stands in for 0.2's `wasi:io/poll`, through which nothing should wait: it
/// stops everything else in the guest.
struct OldPoll<'a> {
    guest: &'a mut Guest,
}

impl HasData for OldPoll<'static> {
    type Data<'a> = OldPoll<'a>;
}

/// Waits for an answer, and does `on_stall` where it does not come at once.
async fn waiting<T>(
    on_stall: &mut Option<Box<dyn FnOnce() + Send>>,
    question: impl Future<Output = T>,
) -> T {
    let mut question = pin!(question);
    std::future::poll_fn(|context| {
        let answer = question.as_mut().poll(context);
        if answer.is_pending()
            && let Some(tell) = on_stall.take()
        {
            tell();
        }
        answer
    })
    .await
}

impl OldPoll<'_> {
    /// What is done of it once, and 0.2's own gate.
    fn split(&mut self) -> (Option<Box<dyn FnOnce() + Send>>, Poll<'_>) {
        (self.guest.on_stall.take(), Poll::of(self.guest))
    }
}

impl poll::Host for OldPoll<'_> {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        let (mut on_stall, mut poll) = self.split();
        let answer = waiting(&mut on_stall, poll::Host::poll(&mut poll, pollables)).await;
        self.guest.on_stall = on_stall;
        answer
    }
}

impl poll::HostPollable for OldPoll<'_> {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        poll::HostPollable::ready(&mut Poll::of(self.guest), pollable).await
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        let (mut on_stall, mut poll) = self.split();
        let answer = waiting(
            &mut on_stall,
            poll::HostPollable::block(&mut poll, pollable),
        )
        .await;
        self.guest.on_stall = on_stall;
        answer
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        poll::HostPollable::drop(&mut Poll::of(self.guest), pollable)
    }
}
