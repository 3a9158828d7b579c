//! Pictures of runs and deadlocks.
//!
//! [`timeline`] draws what ran where and when, [`wait_graph`] who waits for whom. Both are SVG, as wide as a
//! cell of JupyterLab, on a light panel of their own, so that they look the same on a light theme, on a
//! dark one and on paper. [`install`] makes them the look of [`Timeline`] and [`WaitGraph`] values in
//! notebooks.
//!
//! This is the only crate that knows plotters, which draws the axes; what plotters has no word for (arrows,
//! stripes, tooltips) goes onto the same page as plain SVG elements.
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

mod canvas;
#[cfg(test)]
mod overlap;
mod page;
mod palette;
mod text;
mod timeline;
mod units;
mod wait_graph;

pub use timeline::timeline;
pub use wait_graph::wait_graph;

use threadbook_display::{MimeBundle, Svg, draw_with};
use threadbook_trace::{Timeline, WaitGraph};

/// Makes the pictures known: from now on a [`Timeline`] or a [`WaitGraph`] that is shown in a cell, and
/// offers its drawing from its `Debug`, is a picture there. The companion calls it when it is loaded.
pub fn install() {
    draw_with::<WaitGraph>(wait_graph_bundle);
    draw_with::<Timeline>(timeline_bundle);
}

/// A deadlock as a picture and as text.
pub fn wait_graph_bundle(graph: &WaitGraph) -> MimeBundle {
    bundle(wait_graph(graph), graph.to_string())
}

/// A run as a picture and as text.
pub fn timeline_bundle(run: &Timeline) -> MimeBundle {
    bundle(timeline(run), run.to_string())
}

fn bundle(picture: Svg, text: String) -> MimeBundle {
    let pairs = [("image/svg+xml", picture.0), ("text/plain", text)];
    pairs.map(|(mime, value)| (mime.to_owned(), value.into())).into_iter().collect()
}
