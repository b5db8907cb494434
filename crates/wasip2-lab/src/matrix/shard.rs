//! A part of the plan, for one of several machines.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::plan::{Kind, Row};

/// Part `part` of `of`.
#[derive(Clone, Copy, Debug)]
pub struct Shard {
    part: usize,
    of: usize,
}

impl Shard {
    /// Whether what stands at `place` is in it, where all are dealt out in turns.
    pub fn has(&self, place: usize) -> bool {
        place % self.of == self.part - 1
    }

    /// The rows that are in it. What one crate's combinations of features have
    /// compiled they share, so they stay together; everything else is dealt
    /// out in turns, kind by kind, for what is done with it takes as long.
    pub fn of<'a>(&self, rows: &[&'a Row]) -> Vec<&'a Row> {
        let mut groups: BTreeMap<Kind, Vec<&str>> = BTreeMap::new();
        let mut mine = Vec::new();
        for row in rows {
            let key = match row.kind {
                Kind::Build => row.krate.as_str(),
                _ => row.name.as_str(),
            };
            let kind = groups.entry(row.kind).or_default();
            let turn = kind.iter().position(|one| *one == key).unwrap_or_else(|| {
                kind.push(key);
                kind.len() - 1
            });
            if turn % self.of == self.part - 1 {
                mine.push(*row);
            }
        }
        mine
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parsed = text
            .split_once('/')
            .and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match parsed {
            Some((part, of)) if part >= 1 && part <= of => Ok(Shard { part, of }),
            _ => Err("write it as 2/5: the second of five".to_owned()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.part, self.of)
    }
}
