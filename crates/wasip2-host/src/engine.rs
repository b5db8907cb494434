//! How wasm is compiled and run.

use std::num::NonZeroUsize;

use anyhow::{Context, Result};
use wasip2_ground::Wasi;
use wasmtime::component::Component;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    RegallocAlgorithm, WasmBacktraceDetails,
};

/// How many of the innermost calls a trap's report can have. wasmtime's default
/// of 20 is little more than a panic in an async function takes by itself.
const BACKTRACE: usize = 100;

/// How many functions of a program can be called by a pointer. wasmtime's
/// default of 20,000 is too few for a large one without optimisation.
const TABLE: usize = 200_000;

/// What an instance of a component takes of a pool. A component that is composed
/// of others has what each of them has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub memories: u32,
    pub tables: u32,
}

impl Size {
    /// That of a program as `wasm-component-ld` links it, with room to spare.
    pub const OF_A_PROGRAM: Size = Size {
        memories: 1,
        tables: 4,
    };

    /// What `component` takes, where that is more than this.
    pub fn short_of(self, component: &Component) -> Option<Size> {
        let resources = component.resources_required()?;
        let needed = Size {
            memories: resources.num_memories.max(self.memories),
            tables: resources.num_tables.max(self.tables),
        };
        (needed != self).then_some(needed)
    }
}

/// What the host gives a component beyond what every host gives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proposals {
    /// The component model's cooperative threads, which Wasmtime has off by
    /// default.
    pub threads: bool,
}

/// Makes an engine for components of that version of WASI that need
/// `proposals`, whose guests can be stopped while they compute, if
/// `interruptible`.
///
/// Everything else is as wasmtime has it by default (optimised code, 4 GiB of
/// reserved addresses for a memory, so that no access needs a bounds check):
/// what is measured here is what a user's own host does.
pub fn new(proposals: Proposals, interruptible: bool, wasi: Wasi) -> Result<Engine> {
    Engine::new(&config(proposals, interruptible, wasi))
        .map_err(anyhow::Error::from)
        .context("wasmtime does not run on this machine")
}

/// How much of a memory and of a table stays in place for the next instance,
/// written over with what it begins with.
const KEPT: usize = 512 << 10;

/// Makes an engine for components of that version of WASI, and for up to
/// `instances` instances of that `size` at once, each of which may last for one request only: their memories are set aside once and
/// for all, as `wasmtime serve` does it. Where this process cannot have so many
/// addresses, each instance gets its memory when it begins, and is slower; gives
/// back whether they are set aside.
///
/// Where the system can tell which pages an instance has written to (Linux
/// 6.7), these are reset and kept. To give them back and have them anew by page
/// faults is half of what a small request costs.
pub fn serving(
    proposals: Proposals,
    interruptible: bool,
    wasi: Wasi,
    instances: u32,
    size: Size,
) -> Result<(Engine, bool)> {
    let engine = |pool| {
        let mut config = config(proposals, interruptible, wasi);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        Engine::new(&config)
    };
    let pool = || {
        let mut pool = pool(instances, size);
        if proposals.threads {
            pool.total_stacks(instances.saturating_mul(STACKS));
        } else if wasi == Wasi::P3 {
            pool.total_stacks(instances.saturating_mul(STACKS_OF_0_3));
        }
        pool
    };
    let mut keeping = pool();
    keeping
        .pagemap_scan(Enabled::Yes)
        .linear_memory_keep_resident(KEPT)
        .table_keep_resident(KEPT);
    if let Ok(engine) = engine(keeping).or_else(|_| engine(pool())) {
        return Ok((engine, true));
    }
    let mut config = config(proposals, interruptible, wasi);
    use_few_addresses(&mut config);
    let engine = Engine::new(&config)
        .map_err(anyhow::Error::from)
        .context("wasmtime does not run on this machine")?;
    Ok((engine, false))
}

/// How many threads an instance has on average where components have threads.
const STACKS: u32 = 32;

/// How many stacks one of WASI 0.3 takes on average: only what blocks keeps one.
/// Each is two mappings, of which Linux allows a process 65,530.
const STACKS_OF_0_3: u32 = 8;

fn pool(instances: u32, size: Size) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        // These are counted and nothing more.
        .total_core_instances(u32::MAX)
        .total_memories(instances.saturating_mul(size.memories))
        .total_tables(instances.saturating_mul(size.tables))
        .table_elements(TABLE)
        .total_stacks(instances);
    pool
}

fn config(proposals: Proposals, interruptible: bool, wasi: Wasi) -> Config {
    let mut config = configured(proposals, wasi);
    // The names and lines in a trap's report.
    config.wasm_backtrace_details(WasmBacktraceDetails::Enable);
    config.wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE));
    // Every loop and call then checks the epoch, which costs: only servers, and
    // who sets a timeout, pay.
    config.epoch_interruption(interruptible);
    config
}

/// What the version of WASI and the component ask for. Every call of a host
/// that guests may call at once costs more, so one for 0.2 is not that.
fn configured(proposals: Proposals, wasi: Wasi) -> Config {
    let mut config = Config::new();
    if addresses_are_limited() {
        use_few_addresses(&mut config);
    }
    config.concurrency_support(proposals.threads || wasi == Wasi::P3);
    if proposals.threads {
        config.wasm_component_model_threading(true);
    }
    if wasi == Wasi::P3 {
        config.wasm_component_model_async(true);
    }
    config
}

/// How many addresses a process should be able to have for memories to be
/// reserved as a whole: a program has one of 4 GiB and what guards it.
const ADDRESSES: u64 = 32 << 30;

/// Whether this process may have too few addresses for that (`ulimit -v`).
fn addresses_are_limited() -> bool {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        getrlimit(Resource::As)
            .current
            .is_some_and(|limit| limit < ADDRESSES)
    }
    #[cfg(not(unix))]
    false
}

/// Has a memory take as many addresses as it has bytes. Each access to it is then
/// checked.
fn use_few_addresses(config: &mut Config) {
    config
        .memory_reservation(0)
        .memory_guard_size(64 << 10)
        .guard_before_linear_memory(false);
}

/// Makes an engine for many components of that version of WASI, each of which
/// runs for a moment only: compiling takes a fraction of the time, and the code
/// is slower. Its guests can be stopped while they compute.
pub fn quick(wasi: Wasi) -> Result<Engine> {
    let mut config = configured(Proposals::default(), wasi);
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config.epoch_interruption(true);
    config.cranelift_opt_level(OptLevel::None);
    config.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    Engine::new(&config)
        .map_err(anyhow::Error::from)
        .context("wasmtime does not run on this machine")
}
