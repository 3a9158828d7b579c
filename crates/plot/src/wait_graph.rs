//! The picture of a deadlock: boxes for threads, tasks and locks, arrows for the waits between them.

mod ring;
mod route;
mod scene;

use threadbook_display::Svg;
use threadbook_trace::WaitGraph;

use crate::page::{Anchor, Font, Frame, N, Page, WIDTH, tooltip};
use crate::palette::{ALARM, INK, PANEL, QUIET, STRIPE};
use crate::text::shorten;
use route::Route;
use scene::{Arrow, Item, Scene, Shape};

const MARGIN: f64 = 14.0;
const NAME: Font = Font::new(13.0).bold();
const DETAIL: Font = Font::new(12.0);
const LABEL: Font = Font::new(11.5);
/// The middle of the first row of boxes.
const TOP: f64 = 78.0;
/// The space between the text of a box and its edge.
const PADDING: f64 = 15.0;
/// The maximum number of sentences in the description for screen readers.
const MAX_SENTENCES: usize = 12;

/// Draws a deadlock: threads with the tasks that they run, pending tasks, locks and pools, each in a shape of
/// its own, with an arrow for each wait. One cycle is drawn thick.
///
/// Of more than a dozen boxes, the first ones are drawn, and one box for all others. So the cycle is
/// complete, and the picture of ten thousand workers is as clear as that of ten.
///
/// # Examples
///
/// ```
/// use threadbook_trace::{NodeKind, Relation, WaitGraphBuilder};
///
/// let mut graph = WaitGraphBuilder::new();
/// let [alice, bob] = ["alice", "bob"].map(|name| graph.node(NodeKind::Thread, name, None));
/// graph.edge(alice, Relation::WaitsFor, bob);
/// graph.edge(bob, Relation::WaitsFor, alice);
/// let picture = threadbook_plot::wait_graph(&graph.build()).0;
/// assert!(picture.contains("Deadlock: thread alice and thread bob wait for each other"));
/// ```
pub fn wait_graph(graph: &WaitGraph) -> Svg {
    let (page, height, title) = draw(graph);
    let sentences: Vec<String> = graph.sentences().take(MAX_SENTENCES).collect();
    page.finish(height, &title, &sentences.join("; "))
}

/// The page, its height and the picture's title.
pub(crate) fn draw(graph: &WaitGraph) -> (Page, f64, String) {
    let Scene { title, items, arrows } = Scene::of(graph);
    let mut page = Page::new();
    page.text_within(&title, Font::new(14.0).bold(), Anchor::Start, (MARGIN, 26.0), WIDTH - 2.0 * MARGIN);
    if items.is_empty() {
        return (page, 42.0, title);
    }
    let needed = items.iter().map(|item| NAME.width(&item.name).max(DETAIL.width(&item.detail)));
    let needed = needed.fold(0.0, f64::max) + 2.0 * PADDING;
    let (frames, bottom) = ring::place(&items, &arrows, TOP, needed);
    let height = bottom + 32.0;
    let within = route::within(34.0, height - 4.0);
    let routes: Vec<Route> = arrows
        .iter()
        .map(|arrow| {
            let mutual = arrows.iter().any(|other| (other.from, other.to) == (arrow.to, arrow.from));
            Route::between(&frames, arrow.from, arrow.to, mutual, within)
        })
        .collect();
    // Thick arrows last, on top.
    for thick in [false, true] {
        for (arrow, route) in arrows.iter().zip(&routes).filter(|(arrow, _)| arrow.in_cycle == thick) {
            draw_arrow(&mut page, arrow, route, &items);
        }
    }
    for (item, frame) in items.iter().zip(&frames) {
        draw_item(&mut page, item, *frame);
    }
    draw_labels(&mut page, &arrows, &routes, &frames, within);
    (page, height, title)
}

fn draw_arrow(page: &mut Page, arrow: &Arrow, route: &Route, items: &[Item]) {
    let (color, width) = if arrow.in_cycle { (ALARM, 2.8) } else { (QUIET, 1.2) };
    let point = |(x, y): (f64, f64)| format!("{} {}", N(x), N(y));
    let (start, end) = (point(route.start), point(route.end));
    let [one, two] = route.control.map(point);
    let [tip, left, right] = route.head().map(point);
    let tip_text = tooltip(&format!("{} {} {}", items[arrow.from].name, arrow.label, items[arrow.to].name));
    page.add(format_args!(
        "<g>{tip_text}<path d=\"M{start}C{one} {two} {end}\" fill=\"none\" stroke=\"{color}\" \
         stroke-width=\"{width}\"/><path d=\"M{tip}L{left}L{right}Z\" fill=\"{color}\"/></g>"
    ));
}

fn draw_item(page: &mut Page, item: &Item, frame: Frame) {
    let described =
        if item.detail.is_empty() { item.name.clone() } else { format!("{}: {}", item.name, item.detail) };
    page.add(format_args!("<g>{}", tooltip(&described)));
    let (fill, stroke) = match item.shape {
        Shape::Thread => ("#dcecf9", format!("stroke=\"{INK}\" stroke-width=\"1.5\"")),
        Shape::Task => ("#ffffff", format!("stroke=\"{INK}\" stroke-width=\"1.3\" stroke-dasharray=\"5 3\"")),
        Shape::Lock => ("#fdeac6", format!("stroke=\"{INK}\" stroke-width=\"1.5\"")),
        Shape::Pool => ("#d8efe5", format!("stroke=\"{INK}\" stroke-width=\"1.2\"")),
        Shape::More => {
            (STRIPE, format!("stroke=\"{QUIET}\" stroke-width=\"1.2\" stroke-dasharray=\"1.5 3\""))
        }
    };
    match item.shape {
        Shape::Lock => hexagon(page, frame, fill, &stroke),
        Shape::Pool => {
            rounded(page, frame, 3.0, fill, &stroke);
            rounded(page, frame.grown(-3.0), 1.5, "none", &stroke);
        }
        Shape::Task => rounded(page, frame, 0.0, fill, &stroke),
        Shape::Thread | Shape::More => rounded(page, frame, 9.0, fill, &stroke),
    }
    let room = frame.width() - 2.0 * PADDING + 6.0;
    let (x, y) = frame.center();
    // A name that is slightly too long gets a smaller font instead of an ellipsis.
    let size = NAME.size * (0.999 * room / NAME.width(&item.name)).clamp(0.8, 1.0);
    let name = Font { size, ..NAME };
    if item.detail.is_empty() {
        page.text_within(&item.name, name, Anchor::Middle, (x, y + 4.5), room);
    } else {
        page.text_within(&item.name, name, Anchor::Middle, (x, y - 3.5), room);
        page.text_within(&item.detail, DETAIL, Anchor::Middle, (x, y + 12.5), room);
    }
    page.add(format_args!("</g>"));
}

fn rounded(page: &mut Page, frame: Frame, radius: f64, fill: &str, stroke: &str) {
    let (x, y, width, height) = (N(frame.left), N(frame.top), N(frame.width()), N(frame.height()));
    let radius = N(radius);
    page.add(format_args!(
        r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{fill}" {stroke}/>"#
    ));
}

fn hexagon(page: &mut Page, frame: Frame, fill: &str, stroke: &str) {
    let (left, right, top, bottom) = (N(frame.left), N(frame.right), N(frame.top), N(frame.bottom));
    let (inner_left, inner_right, middle) =
        (N(frame.left + 12.0), N(frame.right - 12.0), N(frame.center().1));
    page.add(format_args!(
        r#"<path d="M{left} {middle}L{inner_left} {top}H{inner_right}L{right} {middle}L{inner_right} {bottom}H{inner_left}Z" fill="{fill}" {stroke}/>"#
    ));
}

/// Draws a label beside each arrow, those of the cycle first. An arrow without room for a label has only its
/// tooltip.
fn draw_labels(page: &mut Page, arrows: &[Arrow], routes: &[Route], frames: &[Frame], within: Frame) {
    let mut taken: Vec<Frame> = frames.iter().map(|frame| frame.grown(2.0)).collect();
    taken.extend(&page.texts);
    for in_cycle in [true, false] {
        for (arrow, route) in arrows.iter().zip(routes).filter(|(arrow, _)| arrow.in_cycle == in_cycle) {
            let label = shorten(&arrow.label, LABEL.size, false, 150.0);
            let Some(place) = route.label(&label, LABEL, within, &taken, routes) else { continue };
            taken.push(place);
            let (x, y, width, height) = (N(place.left), N(place.top), N(place.width()), N(place.height()));
            page.add(format_args!(
                r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="2" fill="{PANEL}" fill-opacity="0.85"/>"#
            ));
            let baseline = place.center().1 + 0.35 * LABEL.size;
            page.text(&label, LABEL, Anchor::Middle, (place.center().0, baseline));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadbook_trace::{NodeKind, Relation, WaitGraphBuilder};

    /// All `workers` of a pool of that name wait for tasks in its queue.
    fn full_pool(name: &str, workers: usize) -> WaitGraph {
        let mut graph = WaitGraphBuilder::new();
        let pool = graph.node(NodeKind::Pool, name, None);
        for number in 0..workers {
            let worker = graph.node(NodeKind::Worker, format!("worker {number}"), Some(name.to_owned()));
            let task = graph.node(NodeKind::Task, format!("task {number}"), Some(name.to_owned()));
            graph.edge(worker, Relation::WaitsFor, task);
            graph.edge(task, Relation::QueuedIn, pool);
            graph.edge(pool, Relation::NeedsWorker, worker);
        }
        graph.build()
    }

    #[test]
    fn the_names_that_pools_have_of_themselves_are_not_cut() {
        for kind in ["ThreadPool", "ProcessPool", "Rayon", "Tokio", "Serial"] {
            for workers in [1, 2, 3, 500] {
                let name = format!("{kind}Executor-12");
                let picture = wait_graph(&full_pool(&name, workers)).0;
                assert!(picture.contains(&format!("{name}</text>")), "{name}, {workers} workers: {picture}");
            }
        }
    }

    #[test]
    fn a_pool_is_called_one_where_its_name_does_not_say_so() {
        assert!(wait_graph(&full_pool("io", 1)).0.contains(">pool io</text>"));
        assert!(wait_graph(&full_pool("ThreadPoolExecutor-1", 1)).0.contains(">ThreadPoolExecutor-1</text>"));
    }
}
