//! The components of a server that answer each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wasip2_ground::Console;

use super::clients::Clients;
use super::instances::Instances;
use super::routed;
use super::statistics::Statistics;
use crate::routes::Routed;
use crate::wasi::p2::denial::Denials;
use crate::wasi::p2::inside::{Handler, Inside};

/// Them, by name. There are no circles, so that who waits for an instance of
/// another one always gets it in the end.
pub struct Chain {
    all: Arc<BTreeSet<String>>,
    links: BTreeMap<String, Link>,
    clients: Arc<Clients>,
    console: Console,
}

struct Link {
    instances: Arc<Instances>,
    denials: Denials,
}

impl Chain {
    /// None yet of those that are `routed`.
    pub fn new(routed: &[Routed], clients: Arc<Clients>, console: Console) -> Chain {
        let names = routed.iter().map(|routed| routed.route.name.clone());
        Chain {
            all: Arc::new(names.collect()),
            links: BTreeMap::new(),
            clients,
            console,
        }
    }

    /// One more.
    pub fn add(&mut self, name: &str, instances: Instances, denials: Denials) {
        let instances = Arc::new(instances);
        let link = Link { instances, denials };
        self.links.insert(name.to_owned(), link);
    }

    /// What the one of the name `own` can send to: those of the names
    /// `reached`, which were added before.
    pub fn inside(&self, own: Option<Arc<str>>, reached: &[String]) -> Inside {
        let handler = |name: &String| {
            let handler: Arc<dyn Handler> = Arc::new(routed::Routed {
                instances: self.links[name].instances.clone(),
                clients: self.clients.clone(),
                console: self.console,
            });
            (name.clone(), handler)
        };
        Inside {
            reached: Arc::new(reached.iter().map(handler).collect()),
            all: self.all.clone(),
            own,
        }
    }

    /// Those of all.
    pub fn instances(&self) -> Vec<Arc<Instances>> {
        let links = self.links.values();
        links.map(|link| link.instances.clone()).collect()
    }

    /// Says what was refused to each.
    pub fn tell(&self, console: &Console) {
        for link in self.links.values() {
            link.denials.tell(console);
        }
    }

    /// What was counted of each.
    pub fn statistics(&self) -> BTreeMap<&str, &Statistics> {
        let links = self.links.iter();
        links
            .map(|(name, link)| (&**name, &link.instances.statistics))
            .collect()
    }
}
