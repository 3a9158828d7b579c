//! Pictures of runs, deadlocks and measurements.
//!
//! [`timeline`] draws the tasks of a run, [`wait_graph`] a deadlock, [`schedule`] the steps of threads that
//! lead to a failure, [`measurement`] and [`comparison`] times, [`speedup`] the speed-up by more workers, and
//! [`history`] the earlier runs of a benchmark. All are SVG, as wide as a cell of JupyterLab, on a light panel
//! of their own, so that they look the same on a light theme, on a dark one and on paper. [`install`] registers
//! them as the display of such values in notebooks.
//!
//! This is the only crate that depends on plotters, which draws the axes. Elements that plotters does not
//! have (arrows, stripes, tooltips) are added to the same page as plain SVG.
//!
//! # Examples
//!
//! ```
//! use threadbook_trace::{NodeKind, Relation, WaitGraphBuilder};
//!
//! let mut graph = WaitGraphBuilder::new();
//! let worker = graph.node(NodeKind::Worker, "worker 0", Some("io".into()));
//! let task = graph.node(NodeKind::Task, "ouroboros", Some("io".into()));
//! graph.edge(worker, Relation::Runs, task);
//! graph.edge(task, Relation::WaitsFor, task);
//! let bundle = threadbook_plot::wait_graph_bundle(&graph.build());
//! assert_eq!(bundle["text/plain"], "worker 0 runs `ouroboros`, which waits for `ouroboros`");
//! assert!(bundle["image/svg+xml"].as_str().unwrap().starts_with("<svg"));
//! ```

#![warn(missing_docs)]

mod axis;
mod canvas;
mod comparison;
mod history;
mod marks;
mod measurement;
#[cfg(test)]
mod overlap;
mod page;
mod palette;
mod schedule;
mod speedup;
mod text;
mod timeline;
mod units;
mod wait_graph;

pub use comparison::comparison;
pub use history::history;
pub use measurement::measurement;
pub use schedule::schedule;
pub use speedup::speedup;
pub use timeline::timeline;
pub use wait_graph::wait_graph;

use threadbook_display::{MimeBundle, Svg, draw_with, svg_bundle};
use threadbook_explore::{Exploration, Play};
use threadbook_timing::{Comparison, History, Measurement, Past, SpeedUp};
use threadbook_trace::{Timeline, WaitGraph};

/// Registers the pictures: from now on, a value that has a picture here, and offers it from its `Debug`, is
/// shown in a cell as that picture. The companion calls this when it is loaded.
pub fn install() {
    draw_with::<WaitGraph>(wait_graph_bundle);
    draw_with::<Timeline>(timeline_bundle);
    draw_with::<Exploration>(exploration_bundle);
    draw_with::<Play>(|value| bundle(schedule(value.exploration()), value.exploration().to_string()));
    draw_with::<Measurement>(|value| bundle(measurement(value), value.to_string()));
    draw_with::<Comparison>(|value| bundle(comparison(value), value.to_string()));
    draw_with::<SpeedUp>(|value| bundle(speedup(value), value.to_string()));
    draw_with::<Past>(|value| bundle(history(value), value.to_string()));
    draw_with::<History>(history_bundle);
}

/// A deadlock as a picture and as text.
pub fn wait_graph_bundle(graph: &WaitGraph) -> MimeBundle {
    bundle(wait_graph(graph), graph.to_string())
}

/// A run as a picture and as text.
pub fn timeline_bundle(run: &Timeline) -> MimeBundle {
    bundle(timeline(run), run.to_string())
}

/// An exploration as a picture and as text. In HTML, a slider steps through a failing schedule, without a kernel.
pub fn exploration_bundle(exploration: &Exploration) -> MimeBundle {
    let mut bundle = bundle(schedule(exploration), exploration.to_string());
    let steps = exploration.failure().map_or(0, |failure| failure.steps().len());
    let html = bundle.get("text/html").and_then(|html| html.as_str()).filter(|_| steps > 1);
    let with_slider =
        html.map(|html| format!("<div>{html}<script>{}</script></div>", include_str!("stepper.js")));
    if let Some(html) = with_slider {
        bundle.insert("text/html".to_owned(), html.into());
    }
    bundle
}

/// The runs of a benchmark as a picture and as text; only as text if they cannot be read.
fn history_bundle(runs: &History) -> MimeBundle {
    match runs.read() {
        Ok(past) => bundle(history(&past), past.to_string()),
        Err(_) => [("text/plain".to_owned(), runs.to_string().into())].into_iter().collect(),
    }
}

fn bundle(picture: Svg, text: String) -> MimeBundle {
    let mut bundle = svg_bundle(&picture.0);
    bundle.insert("text/plain".to_owned(), text.into());
    bundle
}
