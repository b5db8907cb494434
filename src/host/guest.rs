//! A guest's side of the host: the state that its calls work on.

use anyhow::Result;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::denial::Denials;
use super::event_loop::Fairness;
use super::gate;
use super::https::Trusted;
use super::rights::Rights;
use super::statistics::Statistics;

/// Everything that one guest owns in the host.
pub struct Guest {
    /// Every resource that the guest has a handle to.
    pub table: ResourceTable,
    /// What was refused so far.
    pub denials: Denials,
    /// What was counted so far.
    pub statistics: Statistics,
    /// What shares the event loop out.
    pub fairness: Fairness,
    /// wasmtime-wasi's state.
    wasi: WasiCtx,
    /// wasmtime-wasi-http's state.
    http: WasiHttpCtx,
    /// What decides on requests.
    http_gate: gate::Http,
}

impl Guest {
    /// A guest with the arguments `argv`, the first of which is its own name.
    pub fn new(argv: Vec<String>, rights: &Rights, denials: Denials) -> Result<Guest> {
        let mut wasi = WasiCtx::builder();
        wasi.inherit_stdio()
            .args(&argv)
            // Nothing but the guest runs in this process, so a file operation
            // need not move to another thread.
            .allow_blocking_current_thread(true)
            .allow_ip_name_lookup(rights.name_lookup);
        gate::guard_network(&mut wasi, rights.network, &denials);
        rights.grant(&mut wasi)?;
        Ok(Guest {
            table: ResourceTable::new(),
            denials: denials.clone(),
            statistics: Statistics::default(),
            fairness: Fairness::default(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            http_gate: gate::Http {
                allowed: rights.http,
                trusted: rights.http_ca.as_deref().map(Trusted::read).transpose()?,
                denials,
            },
        })
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
