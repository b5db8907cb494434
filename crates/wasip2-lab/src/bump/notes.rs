//! What `series.toml` says of patches, by their numbers, when these change.

use std::collections::BTreeMap;

use toml_edit::{TableLike, value};

use super::work::{Kind, State};

/// Gives `key` a new value, beside the same comments.
pub fn replace(table: &mut dyn TableLike, key: &str, new: String) {
    let mut item = value(new);
    let Some(old) = table.get_mut(key) else {
        table.insert(key, item);
        return;
    };
    if let (Some(old), Some(new)) = (old.as_value(), item.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    *old = item;
}

/// The new number of each patch that is left, by its old one.
pub fn numbers(state: &State) -> BTreeMap<String, String> {
    state
        .outcomes
        .iter()
        .filter(|one| one.outcome != Kind::Upstream)
        .enumerate()
        .map(|(index, one)| {
            let old = one.patch.split('-').next().unwrap_or_default();
            (old.to_owned(), format!("{:04}", index + 1))
        })
        .collect()
}
