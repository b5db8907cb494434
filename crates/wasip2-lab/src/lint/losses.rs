//! What cargo-semver-checks says is lost.
//!
//! It writes for people only: a section for each of its lints that failed, and
//! in it a line for each item, which ends with the place.

use std::fmt;

/// One item that changed in a way that would ask for a new major version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Loss {
    /// The lint and the item: `struct_missing: struct krate::Name`.
    pub name: String,
    /// Its file and line, where they are said.
    pub place: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        if !self.place.is_empty() {
            write!(formatter, " ({})", self.place)?;
        }
        Ok(())
    }
}

/// Reads all of them. Of a lint that failed without a list, its name is the
/// loss, so that none is passed over.
pub fn read(said: &str) -> Vec<Loss> {
    let mut losses: Vec<Loss> = Vec::new();
    // The lint whose items are listed.
    let mut failed = None;
    let mut is_list = false;
    for line in said.lines() {
        if let Some(rest) = line.strip_prefix("--- ") {
            is_list = false;
            failed = rest
                .strip_prefix("failure ")
                .and_then(|rest| rest.split_once(':'))
                .map(|(lint, _)| lint);
            losses.extend(failed.map(|lint| Loss {
                name: lint.to_owned(),
                place: String::new(),
            }));
        } else if line == "Failed in:" {
            is_list = true;
        } else if let (Some(lint), true, Some(item)) = (failed, is_list, line.strip_prefix("  ")) {
            let (item, place) = split_place(item);
            losses.pop_if(|loss| loss.name == lint);
            losses.push(Loss {
                name: format!("{lint}: {item}"),
                place: place.to_owned(),
            });
        }
    }
    losses
}

/// Splits `struct krate::Name, previously in file src/lib.rs:3` before the
/// place and the words that lead to it.
fn split_place(line: &str) -> (&str, &str) {
    let is_place = |text: &str| {
        text.rsplit_once(':').is_some_and(|(_, line)| {
            !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let found = [" in file ", " in ", " at "]
        .iter()
        .find_map(|words| line.rsplit_once(words))
        .filter(|(_, place)| is_place(place));
    match found {
        Some((item, place)) => {
            let item = item.strip_suffix("previously").unwrap_or(item);
            (item.trim_end_matches([',', ' ']), place)
        }
        None => (line, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_of_every_failed_lint_is_read() {
        let said = "\n--- failure struct_missing: pub struct removed or renamed ---\n\n\
                    Description:\nA publicly visible struct is gone.\n        ref: \
                    https://example.invalid\n       impl: https://example.invalid\n\n\
                    Failed in:\n  struct krate::One, previously in file src/one.rs:3\n  \
                    struct krate::Two, previously in file src/two.rs:45\n\n\
                    --- warning some_lint: only a warning ---\n\nFailed in:\n  struct \
                    krate::Three in src/three.rs:1\n\n\
                    --- failure auto_trait_impl_removed: auto trait gone ---\n\nFailed in:\n  \
                    type One is no longer Send, in src/one.rs:3\n  feature net in the \
                    package's Cargo.toml\n\n\
                    --- failure unlisted: a lint without a list ---\n\n     Summary semver \
                    requires new major version\n";
        let names: Vec<String> = read(said).iter().map(Loss::to_string).collect();
        assert_eq!(
            names,
            [
                "struct_missing: struct krate::One (src/one.rs:3)",
                "struct_missing: struct krate::Two (src/two.rs:45)",
                "auto_trait_impl_removed: type One is no longer Send (src/one.rs:3)",
                "auto_trait_impl_removed: feature net in the package's Cargo.toml",
                "unlisted",
            ]
        );
    }
}
