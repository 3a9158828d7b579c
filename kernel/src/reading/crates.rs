//! The crates that rust-analyzer is shown.
//!
//! It learns of crates from `cargo metadata`, and reads them again when the manifest changes. So the manifest
//! carries a remark that names the crates to read, and what cargo answers is cut down to those.

use serde_json::Value;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Begins the remark, at the end of a dependency's line in the manifest.
const REMARK: &str = " # read: ";

/// Which of the crates that every cell can name are to be read, beside the companion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reading {
    These(BTreeSet<String>),
    All,
}

const ALL: &str = "all";

/// At first, nothing but the companion.
impl Default for Reading {
    fn default() -> Reading {
        Reading::These(BTreeSet::new())
    }
}

impl Reading {
    /// The remark for the manifest.
    pub fn remark(&self) -> String {
        let names = match self {
            Reading::All => ALL.to_owned(),
            Reading::These(names) => names.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
        };
        format!("{REMARK}{names}")
    }

    /// What the remark in a manifest says; without one, everything is read.
    pub fn of(manifest: &str) -> Reading {
        let remark = manifest.lines().find_map(|line| Some(line.split_once(REMARK)?.1));
        match remark {
            None | Some(ALL) => Reading::All,
            Some(names) => Reading::These(names.split_whitespace().map(str::to_owned).collect()),
        }
    }

    /// Adds what `code` names of `crates`. Returns whether that was anything new.
    pub fn add_named(&mut self, code: &str, crates: &[&str]) -> bool {
        let Reading::These(names) = self else { return false };
        let before = names.len();
        let words: HashSet<_> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        names.extend(crates.iter().filter(|name| words.contains(**name)).map(|&name| name.to_owned()));
        names.len() > before
    }
}

/// A manifest without the remark.
pub fn without_remark(manifest: &str) -> String {
    let lines = manifest.lines().map(|line| line.split_once(REMARK).map_or(line, |(line, _)| line));
    lines.collect::<Vec<_>>().join("\n")
}

/// Cuts down the answer of `cargo metadata` to what is to be read: of the `optional` crates that the notebook
/// depends on, those that `reading` names, with all that they need; of the companion, only its own crates,
/// not what they use inside. Procedural macros (which rust-analyzer cannot run here) and what is needed to
/// build or test only go in any case.
pub fn cut_down(metadata: &str, reading: &Reading, optional: &[&str]) -> serde_json::Result<String> {
    let Reading::These(named) = reading else { return Ok(metadata.to_owned()) };
    let mut metadata: Value = serde_json::from_str(metadata)?;
    let kept = {
        let graph = Graph::of(&metadata);
        graph.reachable(|from, to| {
            let name = text(&graph.packages[to]["name"]);
            let is_wanted = !optional.contains(&name) || named.contains(name);
            match from == graph.root {
                true => is_wanted,
                false => graph.is_local(to) || !graph.is_local(from),
            }
        })
    };
    keep(&mut metadata["packages"], |package| kept.contains(text(&package["id"])));
    keep(&mut metadata["resolve"]["nodes"], |node| kept.contains(text(&node["id"])));
    for node in metadata["resolve"]["nodes"].as_array_mut().into_iter().flatten() {
        keep(&mut node["deps"], |dep| kept.contains(text(&dep["pkg"])));
        keep(&mut node["dependencies"], |id| kept.contains(text(id)));
    }
    serde_json::to_string(&metadata)
}

/// What cargo says of packages and of which needs which, by their ids.
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

    /// Whether the package's sources lie on this machine only: the notebook, the companion, the user's own.
    fn is_local(&self, id: &str) -> bool {
        self.packages[id]["source"].is_null()
    }

    fn is_procedural(&self, id: &str) -> bool {
        let targets = list(&self.packages[id]["targets"]);
        targets.flat_map(|target| list(&target["kind"])).any(|kind| kind == "proc-macro")
    }

    /// What the root needs to run, directly or not, on ways where each step is `wanted`.
    fn reachable(&self, wanted: impl Fn(&str, &str) -> bool) -> HashSet<String> {
        let mut kept = HashSet::from([self.root.to_owned()]);
        let mut next = vec![self.root];
        while let Some(from) = next.pop() {
            for dep in self.nodes.get(from).into_iter().flat_map(|node| list(&node["deps"])) {
                let to = text(&dep["pkg"]);
                let to_run = list(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null());
                let known = self.packages.contains_key(to);
                if known
                    && to_run
                    && !self.is_procedural(to)
                    && wanted(from, to)
                    && kept.insert(to.to_owned())
                {
                    next.push(to);
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

    #[test]
    fn the_remark_says_what_is_read_and_leaves_no_trace() {
        let mut reading = Reading::default();
        assert!(
            reading.add_named("let rt = tokio::runtime::Runtime::new(); // not rayonx", &["rayon", "tokio"])
        );
        assert!(!reading.add_named("tokio", &["rayon", "tokio"]));
        let manifest = format!("[dependencies]\nthreadbook = {{}}{}\nserde = \"1\"", reading.remark());
        assert_eq!(Reading::of(&manifest), reading);
        assert_eq!(without_remark(&manifest), "[dependencies]\nthreadbook = {}\nserde = \"1\"");
        assert_eq!(Reading::of(&Reading::All.remark()), Reading::All);
        assert_eq!(Reading::of("[dependencies]"), Reading::All);
        assert_eq!(Reading::of(&Reading::default().remark()), Reading::default());
    }

    #[test]
    fn what_nobody_named_is_cut_with_all_that_only_it_needs() {
        let registry = "registry";
        let package = |name: &str, kind: &str, source: Option<&str>| json!({"id": name, "name": name, "targets": [{"kind": [kind]}], "source": source});
        let dep = |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let node = |name: &str, deps: &[(&str, Value)]| {
            let ids: Vec<_> = deps.iter().map(|(name, _)| name).collect();
            let deps: Vec<_> = deps.iter().map(|(name, kind)| dep(name, kind.clone())).collect();
            json!({"id": name, "deps": deps, "dependencies": ids})
        };
        let run = Value::Null;
        let metadata = json!({
            "packages": [
                package("ctx", "lib", None), package("tokio", "lib", Some(registry)),
                package("mio", "lib", Some(registry)), package("own", "lib", None),
                package("rayon", "lib", Some(registry)), package("core", "lib", Some(registry)),
                package("derive", "proc-macro", Some(registry)), package("cc", "lib", Some(registry)),
                package("inner", "lib", None),
            ],
            "resolve": {"root": "ctx", "nodes": [
                node("ctx", &[("tokio", run.clone()), ("own", run.clone()), ("rayon", run.clone())]),
                node("tokio", &[("mio", run.clone())]), node("mio", &[]),
                node("own", &[("tokio", run.clone()), ("inner", run.clone())]), node("inner", &[]),
                node("rayon", &[("core", run.clone()), ("derive", run.clone()), ("cc", "build".into())]),
                node("core", &[]), node("derive", &[]), node("cc", &[]),
            ]},
        });
        let reading = Reading::These(["rayon".to_owned()].into());
        let cut = cut_down(&metadata.to_string(), &reading, &["tokio", "rayon"]).unwrap();
        let cut: Value = serde_json::from_str(&cut).unwrap();
        let names: Vec<_> = list(&cut["packages"]).map(|package| text(&package["id"])).collect();
        assert_eq!(names, ["ctx", "own", "rayon", "core", "inner"]);
        assert_eq!(cut["resolve"]["nodes"][0]["dependencies"], json!(["own", "rayon"]));
        assert_eq!(list(&cut["resolve"]["nodes"][1]["deps"]).count(), 1);
        assert_eq!(cut_down("{}", &Reading::All, &[]).unwrap(), "{}");
    }
}
