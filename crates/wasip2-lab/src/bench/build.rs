//! Builds what is measured: every program from every set of crates that a
//! variant is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use wasip2_toolchain::libc;

use anyhow::Result;

use super::cases::{Crates, DATA, Point, Variant};
use crate::checkout::Checkout;
use wasip2_ground::{Console, Home, Wasi};
use wasip2_host::Denials;
use wasip2_host::compose::{self, ComposeArgs};
use wasip2_host::preinit::{self, PreinitArgs};
use wasip2_series::workspace::{Build, Guests};
use wasip2_series::{Series, SeriesArgs};

/// What came of a build: the program's file, or why there is none.
pub type Built = Result<PathBuf, String>;

/// Every program that was built, by variant and name.
pub type Programs = BTreeMap<(&'static str, String), Built>;

/// What the name of an example server begins with.
const SERVERS: &str = "servers/";

/// What the name of an example guest begins with.
const GUESTS: &str = "guests/";

/// What the name of a component ends with that is pre-initialised.
const PREINIT: &str = "+preinit";

/// What stands between the names of components that are composed, each with what
/// it sends requests to.
const CHAIN: char = '>';

/// What stands between a component's name and those of its layers.
const LAYERS: char = '+';

/// Builds every program that `variants` run at `points`. That one does not
/// build is a result like another.
pub fn all(
    points: &[Point],
    variants: &[&'static Variant],
    release: bool,
    checkout: &Checkout,
    arguments: &SeriesArgs,
    home: &Home,
    console: &Console,
) -> Result<Programs> {
    let of = |point: &Point| -> Vec<String> {
        let programs = variants.iter().flat_map(|one| point.programs(one));
        programs.collect()
    };
    let programs: BTreeSet<String> = points.iter().flat_map(of).collect();
    let named = |place: &str| {
        let parts = programs.iter().flat_map(|program| program.split(CHAIN));
        let mut parts = parts.flat_map(|part| part.split(LAYERS));
        parts.any(|part| part.starts_with(place))
    };
    let examples = Examples {
        servers: named(SERVERS),
        guests: named(GUESTS),
    };
    let workspaces = Workspaces::stage(variants, &examples, checkout, arguments, home, console)?;
    let libc = match variants.iter().any(|one| one.crates != Crates::Native) {
        true => Some(libc::libc_directory(&DATA.libc, home, console)?),
        false => None,
    };
    let mut programs = Programs::new();
    for variant in variants {
        for point in points {
            for program in point.programs(variant) {
                let key = (variant.name.as_str(), program);
                if programs.contains_key(&key) {
                    continue;
                }
                console.detail("Building", format!("{} ({})", key.1, variant.label));
                let build = Build {
                    profile: release.then_some(point.case.profile.as_str()),
                    libc: libc.clone().filter(|_| variant.crates != Crates::Native),
                    offline: arguments.offline,
                    native: variant.crates == Crates::Native,
                    rustflags: variant.rustflags.clone(),
                    threads: false,
                    unwinding: None,
                };
                let built = workspaces.build(variant, &key.1, &build, console);
                if let Err(reason) = &built {
                    console.warn(format!("{}: {reason}", variant.label));
                }
                programs.insert(key, built);
            }
        }
    }
    Ok(programs)
}

/// Which of the examples' workspaces are needed.
struct Examples {
    servers: bool,
    guests: bool,
}

/// The staged workspaces, on the patched crates and on the released, and those of
/// the examples.
struct Workspaces {
    /// By the name that [`patched`] gives, and the version of WASI.
    patched: BTreeMap<(&'static str, Wasi), Result<Guests, String>>,
    released: Result<Guests, String>,
    /// On the patched crates: the released ones cannot be a handler.
    servers: BTreeMap<Wasi, Result<Guests, String>>,
    guests: Result<Guests, String>,
}

impl Workspaces {
    fn stage(
        variants: &[&'static Variant],
        examples: &Examples,
        checkout: &Checkout,
        arguments: &SeriesArgs,
        home: &Home,
        console: &Console,
    ) -> Result<Workspaces> {
        let stage = |place: &str, source: PathBuf, series: &[Series], wasi| {
            Guests::stage(place, &source, series, wasi, arguments, home, console)
                .map_err(|error| format!("its workspace could not be staged: {error:#}"))
        };
        let unused = || Err("no variant needs it".into());
        let wanted = variants.iter().any(|one| one.crates == Crates::Patched);
        let series = if wanted {
            arguments.all(home)?
        } else {
            Vec::new()
        };
        Ok(Workspaces {
            patched: variants
                .iter()
                .filter(|one| one.crates == Crates::Patched)
                .map(|one| (patched(one), one.wasi))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .map(|key| {
                    let (name, wasi) = key;
                    let place = format!("bench/{name}");
                    (key, stage(&place, checkout.bench(), &series, wasi))
                })
                .collect(),
            released: stage("bench/released", checkout.bench(), &[], Wasi::P2),
            servers: variants
                .iter()
                .filter(|one| one.crates == Crates::Patched && examples.servers)
                .map(|one| one.wasi)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .map(|wasi| {
                    let source = checkout.source.servers();
                    (wasi, stage("servers", source, &series, wasi))
                })
                .collect(),
            guests: match wanted && examples.guests {
                true => stage("guests", checkout.source.guests(), &series, Wasi::P2),
                false => unused(),
            },
        })
    }

    fn build(
        &self,
        variant: &'static Variant,
        program: &str,
        build: &Build,
        console: &Console,
    ) -> Built {
        if let Some(program) = program.strip_suffix(PREINIT) {
            let component = self.build(variant, program, build, console)?;
            let arguments = PreinitArgs::of(component);
            preinit::make(&arguments, Denials::default(), console)
                .map_err(|failure| format!("{:#}", failure.into_error()))?;
            return Ok(arguments.output());
        }
        if let Some((first, rest)) = program.split_once(CHAIN) {
            return self.chained(variant, first, rest, build, console);
        }
        if let Some((inner, layers)) = program.rsplit_once(LAYERS) {
            return self.layered(variant, inner, layers, build, console);
        }
        let (workspace, program) = match variant.crates {
            _ if program.starts_with(SERVERS) => {
                (&self.servers[&variant.wasi], &program[SERVERS.len()..])
            }
            _ if program.starts_with(GUESTS) => (&self.guests, &program[GUESTS.len()..]),
            Crates::Patched => (&self.patched[&(patched(variant), variant.wasi)], program),
            Crates::Native | Crates::Released => (&self.released, program),
        };
        workspace
            .as_ref()
            .map_err(String::clone)?
            .build(program, build, console)
            .map_err(|error| format!("{error:#}"))
    }
}

impl Workspaces {
    /// The program `first` with those of `rest` in one component, of which each
    /// sends its requests to the next.
    fn chained(
        &self,
        variant: &'static Variant,
        first: &str,
        rest: &str,
        build: &Build,
        console: &Console,
    ) -> Built {
        let component = self.build(variant, first, build, console)?;
        let plugs = rest.split(CHAIN);
        let plugs = plugs
            .map(|plug| self.build(variant, plug, build, console))
            .collect::<Result<Vec<_>, _>>()?;
        let arguments = ComposeArgs {
            output: Some(component.with_extension("chain.wasm")),
            component,
            plugs,
        };
        compose::make(&arguments, console).map_err(|error| format!("{error:#}"))
    }

    /// The program `inner` with `layers`, `NAME*NUMBER`, around it: a server is a
    /// guard in front of it, and anything else a plug.
    fn layered(
        &self,
        variant: &'static Variant,
        inner: &str,
        layers: &str,
        build: &Build,
        console: &Console,
    ) -> Built {
        let (layer, number) = layers
            .split_once('*')
            .and_then(|(layer, number)| Some((layer, number.parse::<usize>().ok()?)))
            .ok_or_else(|| format!("`{layers}` is not a layer's name and a number"))?;
        let program = self.build(variant, inner, build, console)?;
        let around = self.build(variant, layer, build, console)?;
        let output = program.with_extension(format!("{number}-layers.wasm"));
        let mut row = vec![around; number];
        match layer.starts_with(SERVERS) {
            true => row.push(program),
            false => row.insert(0, program),
        }
        let arguments = ComposeArgs {
            component: row.remove(0),
            plugs: row,
            output: Some(output),
        };
        compose::make(&arguments, console).map_err(|error| format!("{error:#}"))
    }
}

/// Which of the workspaces on the patched crates is for `variant`: where a
/// program has other flags, it is another one of the same name.
fn patched(variant: &'static Variant) -> &'static str {
    match variant.rustflags.is_empty() {
        true => "patched",
        false => &variant.name,
    }
}

/// How many bytes a program has.
pub fn size(built: &Built) -> Option<u64> {
    let path = built.as_ref().ok()?;
    Some(std::fs::metadata(path).ok()?.len())
}
