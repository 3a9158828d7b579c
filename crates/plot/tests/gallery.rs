//! Every picture of the gallery is as it was when somebody looked at it.

#[path = "../gallery/samples.rs"]
mod samples;

use std::fs;
use std::path::Path;

use threadbook_display::bundle_of;
use threadbook_plot::{install, timeline, timeline_bundle, wait_graph, wait_graph_bundle};

/// After a change that is meant: `UPDATE_GALLERY=1 cargo test -p threadbook-plot`, and look at them with
/// `cargo run -p threadbook-plot --example gallery`.
#[test]
fn pictures_are_as_they_were() {
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("gallery");
    let update = std::env::var_os("UPDATE_GALLERY").is_some();
    let mut changed = Vec::new();
    for (name, picture, _) in samples::all() {
        let file = gallery.join(name).with_extension("svg");
        if update {
            fs::write(&file, &picture.0).unwrap();
        } else if fs::read_to_string(&file).ok().as_deref() != Some(&*picture.0) {
            changed.push(name);
        }
    }
    assert!(changed.is_empty(), "changed, run with UPDATE_GALLERY=1 and look at them: {changed:?}");
}

#[test]
fn every_picture_has_ids_of_its_own() {
    let mut ids: Vec<String> = samples::all()
        .iter()
        .map(|(_, picture, _)| {
            let id = picture.0.split("id=\"").nth(1).and_then(|rest| rest.split('-').next());
            id.unwrap().to_owned()
        })
        .collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn large_runs_make_small_pictures_at_once() {
    let graphs = [samples::pool(500), samples::lock_order(500)];
    let runs =
        [samples::map(8, 10_000, 1_000), samples::map(64, 10_000, 1_000_000), samples::map(500, 10_000, 10)];
    for graph in &graphs {
        let picture = wait_graph(graph).0;
        assert!(picture.len() < 20_000, "{}", picture.len());
    }
    for run in &runs {
        let picture = timeline(run).0;
        assert!(picture.len() < 400_000, "{}", picture.len());
    }
}

#[test]
fn a_bundle_has_a_picture_and_a_text() {
    let run = samples::map(2, 4, 1_000_000);
    let bundle = timeline_bundle(&run);
    assert_eq!(bundle["text/plain"], run.to_string());
    assert_eq!(bundle["image/svg+xml"], timeline(&run).0);
    let graph = samples::ring(&["alice", "bob"]);
    assert_eq!(wait_graph_bundle(&graph)["text/plain"], graph.to_string());
    install();
    // A picture shows itself, too.
    assert!(bundle_of(&wait_graph(&graph)).contains_key("image/svg+xml"));
}
