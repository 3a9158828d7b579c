//! The selection of the crates to read: not all dependencies of the project.
//!
//! Most of a project's crates are never the subject of a question, and rust-analyzer takes seconds and
//! hundreds of megabytes to read them. So a crate from a registry is read, with its own dependencies, only
//! after its name has occurred in the text of a question. Procedural macros, which rust-analyzer cannot run
//! here, and dependencies of builds or tests only, are never read.

use serde_json::Value;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The names of the dependencies to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    named: BTreeSet<String>,
    /// The dependencies that are not read yet, after [`Reading::cut_down`].
    unread: BTreeSet<String>,
}

impl Reading {
    /// Adds the unread dependencies that `text` names. Returns whether there are any.
    pub fn add_named(&mut self, text: &str) -> bool {
        let words: HashSet<_> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let named: Vec<_> =
            self.unread.iter().filter(|name| words.contains(name.as_str())).cloned().collect();
        self.unread.retain(|name| !named.contains(name));
        self.named.extend(named.iter().cloned());
        !named.is_empty()
    }

    /// Reduces the output of `cargo metadata` to the crates to read.
    pub fn cut_down(&mut self, metadata: &mut Value) {
        if metadata["resolve"].is_null() {
            return; // the project alone, without its dependencies
        }
        let (kept, unread) = {
            let graph = Graph::of(metadata);
            let unread = graph
                .dependencies(graph.root)
                .filter(|it| graph.is_optional(it) && !self.named.contains(it.name));
            let unread: BTreeSet<_> = unread.map(|it| it.name.to_owned()).collect();
            let kept = graph.reachable(|from, to| match from == graph.root {
                true => !unread.contains(to.name),
                false => graph.is_local(to.id) || !graph.is_local(from),
            });
            (kept, unread)
        };
        self.unread = unread;
        keep(&mut metadata["packages"], |package| kept.contains(text(&package["id"])));
        keep(&mut metadata["resolve"]["nodes"], |node| kept.contains(text(&node["id"])));
        for node in metadata["resolve"]["nodes"].as_array_mut().into_iter().flatten() {
            keep(&mut node["deps"], |dep| kept.contains(text(&dep["pkg"])));
            keep(&mut node["dependencies"], |id| kept.contains(text(id)));
        }
    }
}

/// A dependency of a package: the name that its code gives it, and cargo's id.
struct Dependency<'a> {
    name: &'a str,
    id: &'a str,
}

/// The packages and their dependencies, by their ids.
struct Graph<'a> {
    root: &'a str,
    packages: HashMap<&'a str, &'a Value>,
    nodes: HashMap<&'a str, &'a Value>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a Value) -> Graph<'a> {
        Graph {
            root: text(&metadata["resolve"]["root"]),
            packages: by_id(&metadata["packages"]),
            nodes: by_id(&metadata["resolve"]["nodes"]),
        }
    }

    /// The dependencies that code needs to run.
    fn dependencies(&self, id: &str) -> impl Iterator<Item = Dependency<'a>> {
        let deps = self.nodes.get(id).into_iter().flat_map(|node| list(&node["deps"]));
        let deps = deps.filter(|dep| list(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null()));
        let deps = deps.map(|dep| Dependency { name: text(&dep["name"]), id: text(&dep["pkg"]) });
        deps.filter(|dep| self.packages.contains_key(dep.id) && !self.is_procedural(dep.id))
    }

    fn is_optional(&self, dependency: &Dependency) -> bool {
        !self.is_local(dependency.id)
    }

    /// Whether a package exists on this machine only: the project, and the crates of its user.
    fn is_local(&self, id: &str) -> bool {
        self.packages.get(id).is_some_and(|package| package["source"].is_null())
    }

    fn is_procedural(&self, id: &str) -> bool {
        let targets = list(&self.packages[id]["targets"]);
        targets.flat_map(|target| list(&target["kind"])).any(|kind| kind == "proc-macro")
    }

    /// The root and all its direct and indirect dependencies, along the edges that are `wanted`.
    fn reachable(&self, wanted: impl Fn(&str, &Dependency) -> bool) -> HashSet<String> {
        let mut kept = HashSet::from([self.root.to_owned()]);
        let mut next = vec![self.root];
        while let Some(from) = next.pop() {
            for dependency in self.dependencies(from) {
                if wanted(from, &dependency) && kept.insert(dependency.id.to_owned()) {
                    next.push(dependency.id);
                }
            }
        }
        kept
    }
}

fn by_id(values: &Value) -> HashMap<&str, &Value> {
    list(values).map(|value| (text(&value["id"]), value)).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn keep(list: &mut Value, wanted: impl Fn(&Value) -> bool) {
    if let Some(list) = list.as_array_mut() {
        list.retain(wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata() -> Value {
        let package = |name: &str, kind: &str, source: Option<&str>| json!({"id": name, "name": name, "targets": [{"kind": [kind]}], "source": source});
        let node = |name: &str, deps: &[(&str, Value)]| {
            let ids: Vec<_> = deps.iter().map(|(name, _)| name).collect();
            let dep = |(name, kind): &(&str, Value)| json!({"pkg": name, "name": name.replace('-', "_"), "dep_kinds": [{"kind": kind}]});
            json!({"id": name, "deps": deps.iter().map(dep).collect::<Vec<_>>(), "dependencies": ids})
        };
        let (registry, run) = (Some("registry"), Value::Null);
        json!({
            "packages": [
                package("cells", "lib", None), package("tokio", "lib", registry), package("mio", "lib", registry),
                package("own", "lib", None), package("inner", "lib", None), package("rayon-like", "lib", registry),
                package("base", "lib", registry), package("derive", "proc-macro", registry), package("cc", "lib", registry),
            ],
            "resolve": {"root": "cells", "nodes": [
                node("cells", &[("tokio", run.clone()), ("own", run.clone()), ("rayon-like", run.clone())]),
                node("tokio", &[("mio", run.clone())]), node("mio", &[]),
                node("own", &[("tokio", run.clone()), ("inner", run.clone())]), node("inner", &[]),
                node("rayon-like", &[("base", run.clone()), ("derive", run.clone()), ("cc", "build".into())]),
                node("base", &[]), node("derive", &[]), node("cc", &[]),
            ]},
        })
    }

    fn read(reading: &mut Reading) -> Vec<String> {
        let mut metadata = metadata();
        reading.cut_down(&mut metadata);
        list(&metadata["packages"]).map(|package| text(&package["id"]).to_owned()).collect()
    }

    #[test]
    fn a_crate_is_read_when_a_text_names_it() {
        let mut reading = Reading::default();
        assert!(!reading.add_named("tokio"), "nothing is known of the project yet");
        assert_eq!(read(&mut reading), ["cells", "own", "inner"]);
        assert!(!reading.add_named("let tokios = 1; rayon"));
        assert!(reading.add_named("rayon_like::join(|| 1, || 2) // not tokio2"));
        assert!(!reading.add_named("rayon_like"));
        assert_eq!(read(&mut reading), ["cells", "own", "inner", "rayon-like", "base"]);
        assert!(reading.add_named("use tokio::time;"));
        assert_eq!(read(&mut reading), ["cells", "tokio", "mio", "own", "inner", "rayon-like", "base"]);
    }

    #[test]
    fn dependencies_of_a_crate_that_is_not_read_are_cut_off() {
        let mut metadata = metadata();
        Reading::default().cut_down(&mut metadata);
        assert_eq!(metadata["resolve"]["nodes"][0]["dependencies"], json!(["own"]));
        assert_eq!(list(&metadata["resolve"]["nodes"][1]["deps"]).count(), 1);
        let mut alone = json!({"packages": ["cells"], "resolve": null});
        Reading::default().cut_down(&mut alone);
        assert_eq!(alone, json!({"packages": ["cells"], "resolve": null}));
    }
}
