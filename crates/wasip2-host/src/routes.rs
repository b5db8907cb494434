//! Components that answer what other components send, as the command line says
//! it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Result, anyhow, bail};
use clap::{Args, Parser};
use http::uri::Authority;

use crate::rights::Rights;

/// Components that answer what other components send.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Other components (built-in host)")]
pub struct Routes {
    /// Have another component answer what is sent to a host's name, in this
    /// process; may be repeated. The component that is served may send to each
    /// of them, and needs no other right for it
    #[arg(long = "route", value_name = "NAME=FILE")]
    pub routes: Vec<Route>,

    /// Give such a component a right: one of the flags above without its
    /// dashes, as in app.internal:env=KEY=VALUE, or `route=NAME`, to send to
    /// another one; may be repeated
    #[arg(long = "grant", value_name = "NAME:RIGHT", requires = "routes")]
    pub grants: Vec<Grant>,
}

/// A component by the name of the host that it is: `NAME=FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The host's name, in lower case.
    pub name: String,
    /// The component's file.
    pub file: PathBuf,
}

/// A right for one of them: `NAME:RIGHT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    name: String,
    right: String,
}

/// A component, what it may do, and to which others it may send.
#[derive(Clone, Debug)]
pub struct Routed {
    pub route: Route,
    pub rights: Rights,
    /// The names of those.
    pub reaches: Vec<String>,
}

/// What follows a name in `--grant`, read as flags.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Granted {
    #[command(flatten)]
    rights: Rights,
    #[arg(long = "route")]
    reaches: Vec<String>,
}

impl FromStr for Route {
    type Err = String;

    fn from_str(text: &str) -> Result<Route, String> {
        match text.split_once('=') {
            Some((name, file)) if !file.is_empty() => Ok(Route {
                name: host(name)?,
                file: file.into(),
            }),
            _ => Err("a name and a file are needed, as in app.internal=app.wasm".to_owned()),
        }
    }
}

impl FromStr for Grant {
    type Err = String;

    fn from_str(text: &str) -> Result<Grant, String> {
        match text.split_once(':') {
            Some((name, right)) if !right.is_empty() => Ok(Grant {
                name: host(name)?,
                right: right.to_owned(),
            }),
            _ => Err("a name and a right are needed, as in app.internal:http".to_owned()),
        }
    }
}

/// The name of a host, without a port, in lower case.
fn host(text: &str) -> Result<String, String> {
    match text.parse::<Authority>() {
        Ok(authority) if authority.host() == text => Ok(text.to_ascii_lowercase()),
        _ => Err(format!(
            "`{text}` is not the name of a host (a port is not part of it)"
        )),
    }
}

impl Routes {
    /// The flags that were given, for hosts that have none of this.
    pub fn given(&self) -> Option<&'static str> {
        (!self.routes.is_empty()).then_some("--route")
    }

    /// The components, each after those that it may send to.
    ///
    /// # Errors
    ///
    /// Where a flag cannot be meant, and where components send to each other
    /// in a circle: each would hold an instance while it waits for one of the
    /// next, and all could wait for ever.
    pub fn in_order(&self) -> Result<Vec<Routed>> {
        let mut all = BTreeMap::new();
        for route in &self.routes {
            if all.insert(&*route.name, self.routed(route)?).is_some() {
                bail!(
                    "`{}` (--route) is given twice; one component answers to a name",
                    route.name
                );
            }
        }
        let known = || all.keys().copied().collect::<Vec<_>>().join(", ");
        for grant in &self.grants {
            if !all.contains_key(&*grant.name) {
                bail!(
                    "`--grant {}:{}` is for no component of `--route`; there are {}",
                    grant.name,
                    grant.right,
                    known()
                );
            }
        }
        for (name, routed) in &all {
            let unknown = |other: &&String| !all.contains_key(&***other);
            if let Some(other) = routed.reaches.iter().find(unknown) {
                bail!(
                    "`--grant {name}:route={other}` names no component of `--route`; there are {}",
                    known()
                );
            }
        }
        let mut ordered = Vec::new();
        for name in all.keys() {
            visit(name, &all, &mut Vec::new(), &mut ordered)?;
        }
        Ok(ordered)
    }

    fn routed(&self, route: &Route) -> Result<Routed> {
        let grants = self.grants.iter().filter(|grant| grant.name == route.name);
        let words = grants.map(|grant| format!("--{}", grant.right));
        let granted = Granted::try_parse_from(words).map_err(|error| {
            let said = error.to_string();
            let first = said.lines().next().unwrap_or_default();
            anyhow!(
                "the rights of `{}` (--grant): {}",
                route.name,
                first.trim_start_matches("error: ")
            )
        })?;
        let reaches = granted.reaches.iter().map(|name| name.to_ascii_lowercase());
        Ok(Routed {
            route: route.clone(),
            rights: granted.rights,
            reaches: reaches.collect(),
        })
    }
}

/// Adds `name` to `ordered` after all that it may send to; `path` is how it was
/// come to.
fn visit<'a>(
    name: &'a str,
    all: &'a BTreeMap<&str, Routed>,
    path: &mut Vec<&'a str>,
    ordered: &mut Vec<Routed>,
) -> Result<()> {
    if let Some(start) = path.iter().position(|passed| *passed == name) {
        path.push(name);
        bail!(
            "components send to each other in a circle ({}), and each would wait for the next: \
             take one `--grant …:route=…` of them away",
            path[start..].join(" -> ")
        );
    }
    if ordered.iter().any(|routed| routed.route.name == name) {
        return Ok(());
    }
    path.push(name);
    for other in &all[name].reaches {
        visit(other, all, path, ordered)?;
    }
    path.pop();
    ordered.push(all[name].clone());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(routes: &[&str], grants: &[&str]) -> Routes {
        Routes {
            routes: routes.iter().map(|text| text.parse().unwrap()).collect(),
            grants: grants.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }

    fn refused(given: &[&str], grants: &[&str]) -> String {
        routes(given, grants).in_order().unwrap_err().to_string()
    }

    #[test]
    fn those_that_answer_come_before_those_that_ask() {
        let ordered = routes(
            &["A.test=a", "b.test=b", "c.test=c"],
            &[
                "a.test:route=B.test",
                "b.test:route=c.test",
                "b.test:env=K=a=b",
            ],
        )
        .in_order()
        .unwrap();
        let names: Vec<_> = ordered.iter().map(|routed| &*routed.route.name).collect();
        assert_eq!(names, ["c.test", "b.test", "a.test"]);
        let variables = ordered[1].rights.environment();
        assert_eq!(variables, [("K".to_owned(), "a=b".to_owned())]);
        assert!(ordered[0].rights.environment().is_empty());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let circle = refused(
            &["a=a", "b=b", "c=c"],
            &["a:route=b", "b:route=c", "c:route=b"],
        );
        assert!(circle.contains("(b -> c -> b)"), "{circle}");
        assert!(refused(&["a=a"], &["a:route=a"]).contains("(a -> a)"));
        assert!(refused(&["a=a"], &["b:http"]).contains("there are a"));
        assert!(refused(&["a=a"], &["a:route=b"]).contains("names no component"));
        assert!(refused(&["a=a"], &["a:nothing"]).contains("--nothing"));
        assert!(refused(&["a=a", "A=b"], &[]).contains("twice"));
        for text in ["a", "a=", "a:80=a", "=a", "user@a=a"] {
            assert!(text.parse::<Route>().is_err(), "{text}");
        }
    }
}
