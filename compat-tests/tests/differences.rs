//! The files of `compat-tests/expectations` that list which cases end otherwise in a
//! component, and why.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::tool::repository;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "D: DeserializeOwned")]
struct Differences<D> {
    #[serde(default = "Vec::new")]
    difference: Vec<D>,
}

/// Reads `file`; `case` says which case a difference is of.
pub fn read<D: DeserializeOwned, C: Ord>(file: &str, case: fn(&D) -> C) -> BTreeMap<C, D> {
    let path = repository().join("compat-tests/expectations").join(file);
    let text = fs::read_to_string(path).unwrap();
    let read: Differences<D> = toml::from_str(&text).unwrap();
    read.difference
        .into_iter()
        .map(|difference| (case(&difference), difference))
        .collect()
}
