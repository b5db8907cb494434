//! Where the host decides, or takes note of, what a guest does, though
//! wasmtime-wasi does not ask back.
//!
//! A gate stands in for the interface and passes every call on to
//! wasmtime-wasi: the guest sees the errors that any wasmtime host gives.

use wasmtime::StoreContextMut;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::cli::WasiCliView;
use wasmtime_wasi::p2::bindings::cli::environment;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::sockets::{ip_name_lookup, network};
use wasmtime_wasi::p2::bindings::sync::io::poll as sync_poll;
use wasmtime_wasi::p2::{DynPollable, Network, SocketError, SocketResult};
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::RequestOptions;
use wasmtime_wasi_http::p2::bindings::http::{outgoing_handler, types};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;
use wasmtime_wasi_io::bindings::wasi::io::poll;

use crate::arguments::Mode;
use crate::rights::Rights;

use super::accept;
use super::clock::{MonotonicClock, Since, Timers};
use super::denial::{Denials, Right};
use super::event_loop::Fairness;
use super::guest::Guest;
use super::names::Names;
use super::statistics::Statistics;

/// By the name that wasmtime-wasi-http links it.
const OUTGOING_HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";

/// Puts the gates into `linker`, over what is linked there.
pub fn add_to_linker(
    linker: &mut Linker<Guest>,
    mode: Mode,
    rights: &Rights,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    match mode {
        Mode::Async => poll::add_to_linker::<Guest, Poll<'static>>(linker, Poll::of)?,
        Mode::Sync => sync_poll::add_to_linker::<Guest, Poll<'static>>(linker, Poll::of)?,
    }
    environment::add_to_linker::<Guest, Environment<'static>>(linker, Environment::of)?;
    free_request_options(linker)?;
    accept::add_to_linker(linker)?;
    if rights.stand_ins.clock.is_some() {
        monotonic_clock::add_to_linker::<Guest, MonotonicClock<'static>>(
            linker,
            MonotonicClock::of,
        )?;
    }
    if !rights.name_lookup || !rights.stand_ins.hosts.is_empty() {
        ip_name_lookup::add_to_linker::<Guest, NameLookup<'static>>(linker, |guest| NameLookup {
            names: guest.names.clone(),
            denials: guest.denials.clone(),
            sockets: guest.sockets(),
        })?;
    }
    Ok(())
}

/// Stands in for `wasi:sockets/ip-name-lookup` where it is not allowed, or where
/// names stand for other addresses.
struct NameLookup<'a> {
    names: Names,
    /// Where a denial is noted.
    denials: Denials,
    /// What answers.
    sockets: WasiSocketsCtxView<'a>,
}

impl HasData for NameLookup<'static> {
    type Data<'a> = NameLookup<'a>;
}

impl network::Host for NameLookup<'_> {
    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<network::ErrorCode>> {
        self.sockets.network_error_code(error)
    }

    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<network::ErrorCode> {
        network::Host::convert_error_code(&mut self.sockets, error)
    }
}

impl network::HostNetwork for NameLookup<'_> {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.sockets, network)
    }
}

impl ip_name_lookup::Host for NameLookup<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ip_name_lookup::ResolveAddressStream>> {
        if let Some(address) = self.names.address(&name) {
            // An address is its own name.
            return self.sockets.resolve_addresses(network, address.to_string());
        }
        if !self.names.others {
            self.denials
                .note(Right::NameLookup, || format!("the lookup of `{name}`"));
            // As wasmtime-wasi has it.
            return Err(network::ErrorCode::PermanentResolverFailure.into());
        }
        self.sockets.resolve_addresses(network, name)
    }
}

impl ip_name_lookup::HostResolveAddressStream for NameLookup<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> SocketResult<Option<network::IpAddress>> {
        self.sockets.resolve_next_address(stream)
    }

    fn subscribe(
        &mut self,
        stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        ip_name_lookup::HostResolveAddressStream::subscribe(&mut self.sockets, stream)
    }

    fn drop(
        &mut self,
        stream: Resource<ip_name_lookup::ResolveAddressStream>,
    ) -> wasmtime::Result<()> {
        ip_name_lookup::HostResolveAddressStream::drop(&mut self.sockets, stream)
    }
}

/// Stands in for `wasi:http/outgoing-handler`, to free the options of a request:
/// wasmtime-wasi-http reads them, and leaves them in the table for good though
/// the guest has given them away.
fn free_request_options(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Request = Resource<HostOutgoingRequest>;
    type Options = Option<Resource<RequestOptions>>;
    linker.instance(OUTGOING_HANDLER)?.func_wrap(
        "handle",
        |mut store: StoreContextMut<Guest>, (request, options): (Request, Options)| {
            let mut http = store.data_mut().http();
            let given = options.as_ref().map(Resource::rep);
            let sent = outgoing_handler::Host::handle(&mut http, request, options);
            if let Some(given) = given {
                // Not there where a later wasmtime has freed them.
                let _ = http
                    .table
                    .delete(Resource::<RequestOptions>::new_own(given));
            }
            Ok((match sent {
                Ok(response) => Ok(response),
                Err(error) => Err(types::Host::convert_error_code(&mut http, error)?),
            },))
        },
    )
}

/// Stands in for `wasi:cli/environment`, to know whether it was asked for.
struct Environment<'a> {
    guest: &'a mut Guest,
}

impl Environment<'_> {
    fn of(guest: &mut Guest) -> Environment<'_> {
        Environment { guest }
    }
}

impl HasData for Environment<'static> {
    type Data<'a> = Environment<'a>;
}

impl environment::Host for Environment<'_> {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.guest.asked_environment = true;
        self.guest.cli().get_environment()
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        self.guest.cli().get_arguments()
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        self.guest.cli().initial_cwd()
    }
}

/// Stands in for `wasi:io/poll`, to count what is waited for and to stay fair.
pub struct Poll<'a> {
    /// What shares the event loop out.
    fairness: &'a mut Fairness,
    /// Where it is counted.
    statistics: &'a mut Statistics,
    /// What the guest waits for by a clock that is not the host's.
    timers: Option<&'a mut Timers>,
    /// What answers.
    table: &'a mut ResourceTable,
}

impl Poll<'_> {
    /// The one of `guest`.
    pub fn of(guest: &mut Guest) -> Poll<'_> {
        Poll {
            fairness: &mut guest.fairness,
            statistics: &mut guest.statistics,
            timers: guest.timers.as_mut(),
            table: &mut guest.table,
        }
    }
}

impl Poll<'_> {
    /// The guest begins to wait.
    fn since(&self, pollables: &[Resource<DynPollable>]) -> Option<Since> {
        self.timers.as_ref()?.wait(pollables)
    }

    fn dropped(&mut self, pollable: &Resource<DynPollable>) {
        if let Some(timers) = &mut self.timers {
            timers.dropped(pollable.rep());
        }
    }
}

/// The wait is over.
fn over(since: Option<Since>) {
    if let Some(since) = since {
        since.over();
    }
}

impl HasData for Poll<'static> {
    type Data<'a> = Poll<'a>;
}

impl poll::Host for Poll<'_> {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        self.statistics.count_poll(pollables.len());
        let since = self.since(&pollables);
        let answer = self
            .fairness
            .answer(poll::Host::poll(self.table, pollables))
            .await;
        over(since);
        answer
    }
}

impl poll::HostPollable for Poll<'_> {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        self.fairness
            .answer(poll::HostPollable::ready(self.table, pollable))
            .await
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.statistics.blocks += 1;
        let since = self.since(std::slice::from_ref(&pollable));
        let answer = poll::HostPollable::block(self.table, pollable).await;
        over(since);
        answer
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.dropped(&pollable);
        poll::HostPollable::drop(self.table, pollable)
    }
}

impl sync_poll::Host for Poll<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        self.statistics.count_poll(pollables.len());
        let since = self.since(&pollables);
        let answer = sync_poll::Host::poll(self.table, pollables);
        over(since);
        answer
    }
}

impl sync_poll::HostPollable for Poll<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        sync_poll::HostPollable::ready(self.table, pollable)
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.statistics.blocks += 1;
        let since = self.since(std::slice::from_ref(&pollable));
        let answer = sync_poll::HostPollable::block(self.table, pollable);
        over(since);
        answer
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.dropped(&pollable);
        sync_poll::HostPollable::drop(self.table, pollable)
    }
}
