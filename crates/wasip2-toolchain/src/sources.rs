//! Where Debian's packages come from.

use std::path::PathBuf;

/// Where packages come from, where the user said so.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The address of a Debian archive; `None` takes the machine's own.
    pub mirror: Option<String>,
    /// The file with the archive's keys; `None` takes Debian's.
    pub keyring: Option<PathBuf>,
    /// Whether an index is taken that is older than it may be.
    pub allow_expired: bool,
}

impl Sources {
    /// From `CARGO_WASIP2_MIRROR`, `CARGO_WASIP2_KEYRING` and
    /// `CARGO_WASIP2_ALLOW_EXPIRED`.
    pub fn from_environment() -> Sources {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Sources {
            mirror: set("CARGO_WASIP2_MIRROR").map(|value| value.to_string_lossy().into_owned()),
            keyring: set("CARGO_WASIP2_KEYRING").map(PathBuf::from),
            allow_expired: set("CARGO_WASIP2_ALLOW_EXPIRED").is_some_and(|it| it == "true"),
        }
    }
}
