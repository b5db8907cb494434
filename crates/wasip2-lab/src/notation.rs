//! How names and durations are written in the files of suites and of the matrix.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use wildmatch::WildMatch;

/// Whether a name fits a pattern, in which `*` stands for anything.
pub fn fits(pattern: &str, name: &str) -> bool {
    pattern == name || pattern.contains('*') && WildMatch::new(pattern).matches(name)
}

/// Reads `30s`.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    wasip2_host::parse_duration(&text).map_err(serde::de::Error::custom)
}

/// Reads it where it may be left out.
pub fn maybe_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}
