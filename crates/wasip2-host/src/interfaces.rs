//! Which interfaces a component imports and exports, and for which version of
//! WASI it is therefore.

use anyhow::{Result, bail};
use wasip2_ground::Wasi;
use wasmparser::{Chunk, Parser, Payload};

/// The names of what a component imports and exports.
#[derive(Debug, Default)]
pub struct Interfaces {
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Interfaces {
    /// Those of the component `wasm`. One that is cut off has those that can
    /// still be read.
    pub fn of(wasm: &[u8]) -> Interfaces {
        let mut found = Interfaces::default();
        let mut parser = Parser::new(0);
        let mut rest = wasm;
        while let Ok(Chunk::Parsed { consumed, payload }) = parser.parse(rest, true) {
            rest = &rest[consumed..];
            match payload {
                // What lies in a component is most of it, and does not count.
                Payload::ModuleSection {
                    unchecked_range, ..
                }
                | Payload::ComponentSection {
                    unchecked_range, ..
                } => rest = rest.get(unchecked_range.len()..).unwrap_or_default(),
                Payload::End(_) => break,
                Payload::ComponentImportSection(imports) => found.imports.extend(
                    imports
                        .into_iter()
                        .map_while(Result::ok)
                        .map(|import| import.name.name.to_owned()),
                ),
                Payload::ComponentExportSection(exports) => found.exports.extend(
                    exports
                        .into_iter()
                        .map_while(Result::ok)
                        .map(|export| export.name.name.to_owned()),
                ),
                _ => {}
            }
        }
        found
    }

    /// The version of WASI that the component is for. One for 0.3 imports what
    /// is of 0.2 as well, because Rust's standard library calls it.
    ///
    /// # Errors
    ///
    /// Where it is for a release candidate, which no host here has.
    pub fn wasi(&self) -> Result<Wasi> {
        let candidate =
            |name: &&String| version(name).is_some_and(|version| version.starts_with("0.3.0-"));
        let imported = self.imports.iter().find(candidate);
        if let Some(name) = imported.or_else(|| self.exports.iter().find(candidate)) {
            let verb = match imported {
                Some(_) => "imports",
                None => "exports",
            };
            bail!(
                "it {verb} `{name}`, which is of a release candidate of WASI 0.3; this host has \
                 the interfaces of 0.3.0 and what is compatible with them: build it with \
                 bindings of those"
            );
        }
        let names = || self.imports.iter().chain(&self.exports);
        Ok(match names().any(|name| is_of(name, "0.3")) {
            true => Wasi::P3,
            false => Wasi::P2,
        })
    }

    /// The names of what it imports, in their order.
    pub fn imported(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.imports.iter().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Whether the component imports `interface` (`wasi:http/client`) of that
    /// version of WASI.
    pub fn is_imported(&self, interface: &str, wasi: Wasi) -> bool {
        self.imports
            .iter()
            .any(|name| is_of(name, wasi.word()) && name.split('@').next() == Some(interface))
    }

    /// The names of what it exports.
    pub fn exports(&self) -> impl Iterator<Item = &str> {
        self.exports.iter().map(String::as_str)
    }

    /// Whether it can send HTTP requests through the host.
    pub fn sends_http(&self) -> bool {
        let senders = ["wasi:http/outgoing-handler@", "wasi:http/client@"];
        (self.imports.iter()).any(|name| senders.iter().any(|sender| name.starts_with(sender)))
    }

    /// Whether it has anything to do with HTTP through the host.
    pub fn has_http(&self) -> bool {
        self.imports
            .iter()
            .any(|name| name.starts_with("wasi:http/"))
    }

    /// The version of WASI by which it can serve.
    ///
    /// # Errors
    ///
    /// Where it is for 0.3 and exports nothing of it that requests could be sent
    /// to.
    pub fn for_serving(&self) -> Result<Wasi> {
        let wasi = self.wasi()?;
        if wasi == Wasi::P3 && self.exported("wasi:http/handler", wasi).is_none() {
            bail!(
                "it is for WASI 0.3 and does not export `wasi:http/handler`: is it a program for \
                 `cargo wasip2 host`?"
            );
        }
        Ok(wasi)
    }

    /// An error where it is for WASI 0.3.
    pub fn for_preinit(&self) -> Result<()> {
        if self.wasi()? == Wasi::P3 {
            bail!(
                "it is for WASI 0.3, and what is made here is for 0.2 only: a new instance of 0.3 \
                 is for many requests (`--max-instance-reuse-count`), so serve it as it is"
            );
        }
        Ok(())
    }

    /// The name under which the component exports `interface` (`wasi:cli/run`)
    /// of that version of WASI, if it does.
    pub fn exported(&self, interface: &str, wasi: Wasi) -> Option<&str> {
        self.exports()
            .filter(|name| is_of(name, wasi.word()))
            .find(|name| name.split('@').next() == Some(interface))
    }
}

/// The version of an interface of WASI: that of `wasi:cli/run@0.3.0` is `0.3.0`.
fn version(name: &str) -> Option<&str> {
    let (_, version) = name.strip_prefix("wasi:")?.split_once('@')?;
    Some(version)
}

/// Whether an interface is of a release of WASI `minor`, as `0.3`.
fn is_of(name: &str, minor: &str) -> bool {
    version(name).is_some_and(|version| {
        version
            .strip_prefix(minor)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') && !rest.contains('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interfaces(wat: &str) -> Interfaces {
        Interfaces::of(&wat::parse_str(wat).unwrap())
    }

    #[test]
    fn the_outermost_component_says_which_version_it_is_for() {
        let inner = interfaces(
            r#"(component
                (import "wasi:io/poll@0.2.6" (instance))
                (component (import "wasi:cli/stdout@0.3.0" (instance))))"#,
        );
        assert_eq!(inner.wasi().unwrap(), Wasi::P2);
        let both = interfaces(
            r#"(component
                (import "wasi:io/poll@0.2.6" (instance))
                (component)
                (import "wasi:cli/stdout@0.3.2" (instance $out))
                (export "wasi:cli/run@0.3.1" (instance $out)))"#,
        );
        assert_eq!(both.wasi().unwrap(), Wasi::P3);
        assert_eq!(
            both.exported("wasi:cli/run", Wasi::P3),
            Some("wasi:cli/run@0.3.1")
        );
        assert_eq!(both.exported("wasi:cli/run", Wasi::P2), None);
    }

    #[test]
    fn a_release_candidate_is_named() {
        let name = "wasi:clocks/monotonic-clock@0.3.0-rc-2026-03-15";
        let candidate = interfaces(&format!(r#"(component (import "{name}" (instance)))"#));
        assert!(candidate.wasi().unwrap_err().to_string().contains(name));
    }
}
