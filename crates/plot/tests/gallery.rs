//! Snapshot test: every picture of the gallery equals its reviewed version.

#[path = "../gallery/samples.rs"]
mod samples;

use std::fs;
use std::path::Path;

use threadbook_display::{MimeBundle, bundle_of};
use threadbook_plot::{install, timeline, timeline_bundle, wait_graph, wait_graph_bundle};
use threadbook_timing::{Case, Comparison, History, Measurement, SpeedUp};

/// After an intended change: `UPDATE_GALLERY=1 cargo test -p threadbook-plot`, and look at them with
/// `cargo run -p threadbook-plot --example gallery`.
#[test]
fn pictures_are_as_they_were() {
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("gallery");
    let update = std::env::var_os("UPDATE_GALLERY").is_some();
    let mut changed = Vec::new();
    for samples::Sample { name, draw, text } in samples::all() {
        assert!(!text.contains("NaN") && !text.contains("inf"), "{name}: {text}");
        let picture = draw();
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
        .map(|sample| {
            let picture = (sample.draw)();
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
fn what_is_measured_shows_itself_as_a_picture() {
    install();
    let measurement = Measurement::new(1, [0.1, 0.2]);
    let case = |name: &str| Case { name: name.into(), measurement: measurement.clone() };
    let comparison = Comparison::new("primes", vec![case("a"), case("b")]);
    let curve = SpeedUp::new([(1, measurement.clone())]);
    let directory = tempfile::tempdir().unwrap();
    let runs = History::in_directory(directory.path(), "primes");
    runs.append(&comparison.run).unwrap();
    let past = runs.read().unwrap();
    let is_picture = |bundle: MimeBundle, text: String| {
        assert!(bundle["image/svg+xml"].as_str().unwrap().starts_with("<svg"), "{text}");
        let html = bundle["text/html"].as_str().unwrap();
        let alt = html.strip_prefix("<img alt=\"").unwrap().split('"').next().unwrap();
        assert!(alt.len() > 20 && html.contains("src=\"data:image/svg+xml;base64,"), "{alt}");
        assert_eq!(bundle["text/plain"], text);
    };
    is_picture(bundle_of(&measurement), measurement.to_string());
    is_picture(bundle_of(&comparison), comparison.to_string());
    is_picture(bundle_of(&curve), curve.to_string());
    is_picture(bundle_of(&runs), runs.to_string());
    is_picture(bundle_of(&past), past.to_string());
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
    // A picture can be displayed, too.
    assert!(bundle_of(&wait_graph(&graph)).contains_key("image/svg+xml"));
}
