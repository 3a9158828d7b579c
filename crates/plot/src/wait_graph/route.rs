//! The routes of the arrows: as straight as the boxes between allow, with their labels beside them.

use crate::page::{Font, Frame, WIDTH};

type Point = (f64, f64);

/// The deviations of an arrow from the straight line, in the order in which they are tried.
const SWINGS: [f64; 11] = [0.0, 36.0, -36.0, 72.0, -72.0, 110.0, -110.0, 150.0, -150.0, 200.0, -200.0];
/// The deviation of an arrow that has a counterpart in the other direction.
const APART: f64 = 40.0;
const SAMPLES: usize = 24;
const HEAD: f64 = 10.0;

/// A cubic curve from one box to another, up to the arrow's head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) start: Point,
    pub(super) control: [Point; 2],
    pub(super) end: Point,
    /// The point of the head.
    pub(super) tip: Point,
}

impl Route {
    /// The route from frame `from` to frame `to` that touches none of the others and stays within `within`.
    pub(super) fn between(frames: &[Frame], from: usize, to: usize, mutual: bool, within: Frame) -> Route {
        if from == to {
            return Route::to_itself(frames[from]);
        }
        let first = if mutual { APART } else { 0.0 };
        let swings = SWINGS.into_iter().filter(|swing| !mutual || swing.abs() > APART);
        let mut routes =
            [first].into_iter().chain(swings).map(|swing| Route::swung(frames[from], frames[to], swing));
        let fallback = Route::swung(frames[from], frames[to], first);
        let free = |route: &Route| {
            route.points().all(|point| {
                let others = frames.iter().enumerate().filter(|(item, _)| *item != from && *item != to);
                within.contains(point)
                    && others.into_iter().all(|(_, frame)| !frame.grown(5.0).contains(point))
            })
        };
        routes.find(free).unwrap_or(fallback)
    }

    fn swung(from: Frame, to: Frame, swing: f64) -> Route {
        let (a, b) = (from.center(), to.center());
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = dx.hypot(dy).max(1.0);
        let middle =
            ((a.0 + b.0) / 2.0 + dy / length * swing * 1.3, (a.1 + b.1) / 2.0 - dx / length * swing * 1.3);
        let start = towards(from.grown(1.5), middle);
        let tip = towards(to.grown(2.0), middle);
        let (back_x, back_y) = (middle.0 - tip.0, middle.1 - tip.1);
        let back = back_x.hypot(back_y).max(1.0);
        let end = (tip.0 + back_x / back * HEAD * 0.8, tip.1 + back_y / back * HEAD * 0.8);
        // The cubic that is the quadratic with its control point in the middle.
        let lean = |point: Point| {
            (point.0 + (middle.0 - point.0) * 2.0 / 3.0, point.1 + (middle.1 - point.1) * 2.0 / 3.0)
        };
        Route { start, control: [lean(start), lean(end)], end, tip }
    }

    /// A loop at the right side.
    fn to_itself(frame: Frame) -> Route {
        let (x, y) = (frame.right + 1.5, frame.center().1);
        let end = (x + HEAD * 0.8, y + 9.0);
        Route {
            start: (x, y - 10.0),
            control: [(x + 36.0, y - 22.0), (x + 36.0, y + 13.0)],
            end,
            tip: (x + 0.5, y + 9.0),
        }
    }

    /// Points along the route.
    pub(super) fn points(self) -> impl Iterator<Item = Point> {
        (0..=SAMPLES).map(move |step| self.at(step as f64 / SAMPLES as f64))
    }

    fn at(&self, t: f64) -> Point {
        let u = 1.0 - t;
        let weights = [u * u * u, 3.0 * u * u * t, 3.0 * u * t * t, t * t * t];
        let points = [self.start, self.control[0], self.control[1], self.end];
        let sum = |of: fn(&Point) -> f64| {
            weights.iter().zip(&points).map(|(weight, point)| weight * of(point)).sum()
        };
        (sum(|point| point.0), sum(|point| point.1))
    }

    /// The three corners of the head.
    pub(super) fn head(&self) -> [Point; 3] {
        let (dx, dy) = (self.tip.0 - self.end.0, self.tip.1 - self.end.1);
        let length = dx.hypot(dy).max(0.1);
        let (dx, dy) = (dx / length, dy / length);
        let base = (self.tip.0 - HEAD * dx, self.tip.1 - HEAD * dy);
        let side = 0.45 * HEAD;
        [self.tip, (base.0 - side * dy, base.1 + side * dx), (base.0 + side * dy, base.1 - side * dx)]
    }

    /// A place for a label beside the route: within `within`, clear of all of `taken` and, if possible, of
    /// all of `routes`.
    pub(super) fn label(
        &self,
        label: &str,
        font: Font,
        within: Frame,
        taken: &[Frame],
        routes: &[Route],
    ) -> Option<Frame> {
        let (width, height) = (font.width(label) + 4.0, 1.2 * font.size);
        let places = [0.5, 0.42, 0.58, 0.34, 0.66, 0.25, 0.75, 0.17, 0.83].into_iter().flat_map(|t| {
            let (before, here, after) = (self.at(t - 0.02), self.at(t), self.at(t + 0.02));
            let (dx, dy) = (after.0 - before.0, after.1 - before.1);
            let length = dx.hypot(dy).max(0.01);
            let (normal_x, normal_y) = (dy / length, -dx / length);
            let away = normal_x.abs() * width / 2.0 + normal_y.abs() * height / 2.0 + 3.0;
            [1.0, -1.0].map(|side| {
                let center = (here.0 + side * normal_x * away, here.1 + side * normal_y * away);
                Frame::around(center, width, height)
            })
        });
        let free: Vec<Frame> = places
            .filter(|place| place.left >= within.left && place.right <= within.right)
            .filter(|place| place.top >= within.top && place.bottom <= within.bottom)
            .filter(|place| taken.iter().all(|frame| !frame.overlaps(place)))
            .collect();
        // Near another arrow, the label would seem to belong to that arrow.
        let clear = |distance: f64| {
            let off = |place: &&Frame| {
                let near = place.grown(distance);
                let others = routes.iter().filter(|route| route.start != self.start || route.tip != self.tip);
                !others.flat_map(|route| route.points()).any(|point| near.contains(point))
            };
            free.iter().find(off)
        };
        clear(9.0).or_else(|| clear(0.0)).or(free.first()).copied()
    }
}

/// The point where the line from the middle of `frame` to `point` leaves the frame.
fn towards(frame: Frame, point: Point) -> Point {
    let (x, y) = frame.center();
    let (dx, dy) = (point.0 - x, point.1 - y);
    let reach = |half: f64, d: f64| if d.abs() < 1e-6 { f64::INFINITY } else { half / d.abs() };
    let share = reach(frame.width() / 2.0, dx).min(reach(frame.height() / 2.0, dy));
    if share.is_finite() { (x + dx * share, y + dy * share) } else { (x, frame.bottom) }
}

/// The part of a page for arrows and labels.
pub(super) fn within(top: f64, bottom: f64) -> Frame {
    Frame { left: 6.0, top, right: WIDTH - 6.0, bottom }
}
