//! A guest's side of the host: the state that its calls work on.

use anyhow::Result;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::accept::Peers;
use super::clock::{Clock, Timers};
use super::denial::Denials;
use super::event_loop::Fairness;
use super::http::Http;
use super::https::Trusted;
use super::inside::Inside;
use super::memory::Memory;
use super::names::Names;
use super::network;
#[cfg(unix)]
use super::output::Output;
use super::presence::Presence;
use super::statistics::Statistics;
use crate::rights::Rights;

/// Everything that one guest owns in the host.
pub struct Guest {
    /// What decides on requests. It goes first, since it tells the bodies of
    /// requests that their guest is gone.
    http_gate: Http,
    /// Every resource that the guest has a handle to.
    pub table: ResourceTable,
    /// What was refused so far.
    pub denials: Denials,
    /// What was counted so far.
    pub statistics: Statistics,
    /// Whether the guest has asked for its environment.
    pub asked_environment: bool,
    /// What shares the event loop out.
    pub fairness: Fairness,
    /// Which names it can look up.
    pub names: Names,
    /// What it waits for by a clock that is not the host's.
    pub timers: Option<Timers>,
    /// How much memory it may have, where there is a limit.
    pub memory: Memory,
    /// Who is at the other end of what it has accepted.
    pub peers: Peers,
    /// What is to be done the first time that a guest of WASI 0.3 waits through
    /// 0.2, if anything.
    pub on_stall: Option<Box<dyn FnOnce() + Send>>,
    /// wasmtime-wasi's state.
    wasi: WasiCtx,
    /// wasmtime-wasi-http's state.
    http: WasiHttpCtx,
}

/// Where a guest's standard streams lead.
pub enum Streams {
    /// To this process's own.
    Inherited,
    /// To this process's own; there is no input. It is one of many guests.
    Output,
    /// Output and errors to this process's standard error; there is no input.
    Errors,
    /// Output and errors, in the order in which they come, into memory; there
    /// is no input.
    Kept(MemoryOutputPipe),
}

impl Guest {
    /// A guest with the arguments `argv`, the first of which is its own name.
    pub fn new(
        argv: &[String],
        streams: Streams,
        rights: &Rights,
        denials: Denials,
    ) -> Result<Guest> {
        Guest::with(argv, streams, rights, denials, |_| {})
    }

    /// The same, after `adjust` has changed what WASI is to be for it.
    pub fn with(
        argv: &[String],
        streams: Streams,
        rights: &Rights,
        denials: Denials,
        adjust: impl FnOnce(&mut WasiCtxBuilder),
    ) -> Result<Guest> {
        let mut wasi = WasiCtx::builder();
        // A file operation need not move to another thread where nothing but
        // the guest runs in this process; a server has others that would wait.
        // Directories are opened with what is said here.
        wasi.allow_blocking_current_thread(!matches!(streams, Streams::Output));
        match streams {
            Streams::Inherited => {
                wasi.inherit_stdio();
                #[cfg(unix)]
                wasi.stdout(Output::stdout()?).stderr(Output::stderr()?);
            }
            Streams::Output => {
                wasi.inherit_stdout().inherit_stderr();
                #[cfg(unix)]
                wasi.stdout(Output::stdout()?).stderr(Output::stderr()?);
            }
            Streams::Errors => {
                wasi.inherit_stderr();
                #[cfg(unix)]
                wasi.stdout(Output::stderr()?).stderr(Output::stderr()?);
            }
            Streams::Kept(output) => {
                wasi.stdout(output.clone()).stderr(output);
            }
        }
        let names = Names::new(rights);
        wasi.args(argv).allow_ip_name_lookup(names.any());
        network::guard(&mut wasi, rights.network, &denials);
        rights.grant(&mut wasi)?;
        rights.stand_ins.seed(&mut wasi);
        let clock = rights.stand_ins.clock.map(Clock::new);
        if let Some(clock) = &clock {
            wasi.wall_clock(clock.clone())
                .monotonic_clock(clock.clone());
        }
        adjust(&mut wasi);
        Ok(Guest {
            http_gate: Http {
                allowed: rights.http,
                hosts: rights.http_allow.clone(),
                mapped: rights.stand_ins.http_map.clone(),
                names: names.clone(),
                trusted: Trusted::new(rights.http_ca.as_deref())?,
                denials: denials.clone(),
                inside: Inside::default(),
                presence: Presence::default(),
            },
            table: ResourceTable::new(),
            denials: denials.clone(),
            statistics: Statistics::default(),
            asked_environment: false,
            fairness: Fairness::default(),
            names,
            timers: clock.map(Timers::new),
            memory: Memory::unlimited(denials),
            peers: Peers::new(),
            on_stall: None,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
        })
    }

    /// Lets it send to those that are `inside`.
    pub fn reach(&mut self, inside: Inside) {
        self.http_gate.inside = inside;
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.http_gate,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
