//! Who imports what from whom, and whether that can be.
//!
//! Members stand in a row, from the outermost, which is next to the host, to
//! the component itself. Each imports an interface from the nearest one further
//! out that exports it, and from the host otherwise.
//!
//! A resource belongs to who defines it. An interface of a member's exports that
//! has resources has resources of that member, whatever it passes on below: so
//! whoever uses them has to have every interface that names them from the same
//! place. wac finds a breach of that when it validates its result, and says it
//! in words of types; here it is said in words of files.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use wac_graph::types::{Interface, ItemKind, SubtypeChecker, Type, WorldId, are_semver_compatible};
use wac_graph::{CompositionGraph, NodeId, PackageId};

/// One of the components.
pub struct Member {
    /// Its file's name.
    pub name: String,
    pub package: PackageId,
}

/// Where an interface comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Host,
    /// The member of this number.
    Member(usize),
}

/// What is imported from whom.
pub struct Layers {
    members: Vec<Member>,
    /// For each member, by the names of its imports: the member, and the name
    /// by which that exports it.
    taken: Vec<BTreeMap<String, (usize, String)>>,
}

/// What a program exports to be run by itself.
const RUN: &str = "wasi:cli/run@";

/// What a handler exports, and a guard imports as well.
const HANDLER: &str = "wasi:http/incoming-handler@";

/// What a handler of WASI 0.3 exports.
const HANDLER_0_3: &str = "wasi:http/handler@";

impl Layers {
    /// Those of `members`.
    ///
    /// # Errors
    ///
    /// Where something of them does not fit.
    pub fn new(graph: &CompositionGraph, members: Vec<Member>) -> Result<Layers> {
        let mut layers = Layers {
            taken: Vec::new(),
            members,
        };
        for number in 0..layers.members.len() {
            let taken = layers.take(graph, number)?;
            layers.taken.push(taken);
        }
        layers.check_used(graph)?;
        for number in 0..layers.members.len() {
            layers.check_resources(graph, number)?;
        }
        Ok(layers)
    }

    /// The component to which the others are plugs.
    pub fn component(&self) -> usize {
        self.members.len() - 1
    }

    /// The names of what that member exports.
    pub fn exports(&self, graph: &CompositionGraph, number: usize) -> BTreeSet<String> {
        let world = self.world(graph, number);
        graph.types()[world].exports.keys().cloned().collect()
    }

    /// The plugs that could be run by themselves, and by what.
    pub fn left_out(&self, graph: &CompositionGraph) -> Vec<(&str, String)> {
        let plugs = 0..self.component();
        let exports = plugs.flat_map(|plug| {
            let exports = self.exports(graph, plug).into_iter();
            exports.map(move |name| (&*self.members[plug].name, name))
        });
        exports.filter(|(_, name)| name.starts_with(RUN)).collect()
    }

    /// Instantiates them all in `graph`; gives back the component's instance.
    pub fn connect(&self, graph: &mut CompositionGraph) -> Result<NodeId> {
        let mut nodes = Vec::new();
        for (number, member) in self.members.iter().enumerate() {
            let node = graph.instantiate(member.package);
            for (import, (from, export)) in &self.taken[number] {
                let argument = graph.alias_instance_export(nodes[*from], export)?;
                graph
                    .set_instantiation_argument(node, import, argument)
                    .with_context(|| {
                        format!(
                            "{} cannot have `{import}` from {}",
                            member.name, self.members[*from].name
                        )
                    })?;
            }
            nodes.push(node);
        }
        nodes.pop().context("there is no component")
    }

    fn world(&self, graph: &CompositionGraph, number: usize) -> WorldId {
        graph[self.members[number].package].ty()
    }

    /// What that member imports of others.
    fn take(
        &self,
        graph: &CompositionGraph,
        number: usize,
    ) -> Result<BTreeMap<String, (usize, String)>> {
        let types = graph.types();
        let mut cache = Default::default();
        let mut checker = SubtypeChecker::new(&mut cache);
        let mut taken = BTreeMap::new();
        for (import, wanted) in &types[self.world(graph, number)].imports {
            for other in (0..number).rev() {
                let exports = &types[self.world(graph, other)].exports;
                let Some((export, offered)) = find(exports.iter(), import) else {
                    continue;
                };
                checker
                    .is_subtype(*offered, types, *wanted, types)
                    .with_context(|| {
                        format!(
                            "`{export}` of {} is not what {} imports as `{import}`; both have to \
                             be built for the same version of it",
                            self.members[other].name, self.members[number].name
                        )
                    })?;
                taken.insert(import.clone(), (other, export.clone()));
                break;
            }
        }
        Ok(taken)
    }

    /// An error where a plug exports what nobody takes.
    fn check_used(&self, graph: &CompositionGraph) -> Result<()> {
        for plug in 0..self.component() {
            let used = |name: &String| {
                let mut takes = self.taken.iter().flat_map(BTreeMap::values);
                takes.any(|(from, export)| *from == plug && export == name)
            };
            let exports = self.exports(graph, plug);
            let unused = |name: &&String| !name.starts_with(RUN) && !used(name);
            if let Some(name) = exports.iter().find(unused) {
                let others: Vec<&str> = self.members[plug + 1..]
                    .iter()
                    .map(|member| member.name.as_str())
                    .collect();
                let what_to_do = if name.starts_with(HANDLER) {
                    "A guard is the component, and the handler that it stands before its plug: put \
                     them the other way round"
                } else if name.starts_with(HANDLER_0_3) {
                    "What sends requests (`wasi:http/client`) is the component, and the handler \
                     that answers them its plug: put them the other way round"
                } else {
                    "A plug that is not used does nothing; take it out, or put it elsewhere in the \
                     row"
                };
                bail!(
                    "`{name}` of {} would be skipped: {} not import it. {what_to_do}",
                    self.members[plug].name,
                    match &others[..] {
                        [one] => format!("{one} does"),
                        others => format!("{} do", others.join(" and ")),
                    }
                );
            }
            if exports.iter().all(|name| name.starts_with(RUN)) {
                bail!(
                    "{} exports no interface that another component could import; a plug is built \
                     to export what it stands in for",
                    self.members[plug].name
                );
            }
        }
        Ok(())
    }

    /// An error where the resources that member uses are not the same in all
    /// the interfaces that it imports.
    fn check_resources(&self, graph: &CompositionGraph, number: usize) -> Result<()> {
        let types = graph.types();
        for (import, kind) in &types[self.world(graph, number)].imports {
            let ItemKind::Instance(interface) = kind else {
                continue;
            };
            for (owner, resource) in used_resources(graph, &types[*interface]) {
                // What is not imported by name is the interface's own affair.
                let Some(own) = self.source_of_import(graph, number, &owner) else {
                    continue;
                };
                let theirs = match self.taken[number].get(import) {
                    None => Source::Host,
                    Some((from, _)) => self.source_within(graph, *from, &owner),
                };
                if own != theirs {
                    bail!(
                        "{}",
                        self.half(number, import, &owner, &resource, own, theirs)
                    );
                }
            }
        }
        Ok(())
    }

    /// Where that member's import `interface` comes from, if it has one.
    fn source_of_import(
        &self,
        graph: &CompositionGraph,
        number: usize,
        interface: &str,
    ) -> Option<Source> {
        let imports = &graph.types()[self.world(graph, number)].imports;
        let (name, _) = find(imports.iter(), interface)?;
        Some(match self.taken[number].get(name) {
            Some((from, _)) => Source::Member(*from),
            None => Source::Host,
        })
    }

    /// Whose `interface` is named by what that member exports.
    fn source_within(&self, graph: &CompositionGraph, number: usize, interface: &str) -> Source {
        let exports = &graph.types()[self.world(graph, number)].exports;
        if find(exports.iter(), interface).is_some() {
            return Source::Member(number);
        }
        self.source_of_import(graph, number, interface)
            .unwrap_or(Source::Host)
    }

    fn half(
        &self,
        number: usize,
        import: &str,
        owner: &str,
        resource: &str,
        own: Source,
        theirs: Source,
    ) -> String {
        let name = |source: Source| match source {
            Source::Host => "the host",
            Source::Member(member) => &self.members[member].name,
        };
        let member = &self.members[number].name;
        let half = match (own, theirs) {
            (Source::Member(plug), Source::Host) => format!(
                "{} has to export `{import}` as well, and every other interface that names a \
                 `{resource}`",
                self.members[plug].name
            ),
            (Source::Host, Source::Member(plug)) => format!(
                "{} has to take `{resource}` from outside instead of having its own, or to \
                 export `{owner}` as well",
                self.members[plug].name
            ),
            _ => "one plug has to export both".to_owned(),
        };
        format!(
            "the resource `{resource}` of `{owner}` would not be the same for all: {member} has \
             `{owner}` from {}, and `{import}`, which names it, has those of {}. {half}",
            name(own),
            name(theirs)
        )
    }
}

/// The one of `items` that is called `name`, or that is of a compatible version.
fn find<'a>(
    items: impl Iterator<Item = (&'a String, &'a ItemKind)> + Clone,
    name: &str,
) -> Option<(&'a String, &'a ItemKind)> {
    let exact = items.clone().find(|(item, _)| *item == name);
    exact.or_else(|| {
        items
            .into_iter()
            .find(|(item, _)| are_semver_compatible(item, name))
    })
}

/// The resources that `interface` has from others: the names of their
/// interfaces, and their own.
fn used_resources(graph: &CompositionGraph, interface: &Interface) -> Vec<(String, String)> {
    let types = graph.types();
    let uses = interface.uses.iter().filter_map(|(name, used)| {
        let owner = types[used.interface].id.clone()?;
        let original = used.name.as_ref().unwrap_or(name);
        match types[used.interface].exports.get(original) {
            Some(ItemKind::Type(Type::Resource(_))) => Some((owner, original.clone())),
            _ => None,
        }
    });
    uses.collect()
}
