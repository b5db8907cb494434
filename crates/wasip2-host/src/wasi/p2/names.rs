//! Which names a guest can look up, and what they stand for.

use std::net::IpAddr;
use std::sync::Arc;

use crate::rights::Rights;
use crate::stand_ins::HostName;

/// Them.
#[derive(Clone, Debug)]
pub struct Names {
    /// What stands for an address without anybody being asked.
    known: Arc<[HostName]>,
    /// Whether the system may be asked for others.
    pub others: bool,
}

impl Names {
    /// Those that `rights` allow.
    pub fn new(rights: &Rights) -> Names {
        Names {
            known: rights.stand_ins.hosts.clone().into(),
            others: rights.name_lookup,
        }
    }

    /// Whether there can be any.
    pub fn any(&self) -> bool {
        self.others || !self.known.is_empty()
    }

    /// The address that `name` stands for, if it is known.
    pub fn address(&self, name: &str) -> Option<IpAddr> {
        let mut known = self.known.iter();
        let entry = known.rfind(|entry| entry.name.eq_ignore_ascii_case(name))?;
        Some(entry.address)
    }
}
