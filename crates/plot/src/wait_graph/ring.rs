//! The layout of the boxes: around a rectangle, clockwise in the order in which they wait for each other, so
//! that a cycle is a ring. A box with many neighbours is placed in the middle, like the hub of a wheel.

use crate::page::{Frame, WIDTH};

use super::scene::{Arrow, Item, Shape};

/// The distance between two rows.
const PITCH: f64 = 94.0;
const BOX_HEIGHT: f64 = 44.0;
/// A box with this many neighbours is a hub.
const HUB: usize = 4;
const MAX_HUBS: usize = 2;

/// The frames of the items, with the first row's middle at `top`, and the end of the last row.
pub(super) fn place(items: &[Item], arrows: &[Arrow], top: f64, needed: f64) -> (Vec<Frame>, f64) {
    let hubs = hubs(items, arrows);
    let rim: Vec<usize> = (0..items.len()).filter(|item| !hubs.contains(item)).collect();
    let (at_top, at_bottom) = match rim.len() {
        count @ 0..=2 => (count, 0),
        3 => (2, 1),
        4 => (2, 2),
        5 => (3, 2),
        _ => (3, 3),
    };
    let sides = rim.len() - at_top - at_bottom;
    let (right, left) = (sides.div_ceil(2), sides / 2);
    let rows_between = right.max(hubs.len());
    let height = if at_bottom == 0 && hubs.is_empty() { 0.0 } else { PITCH * (rows_between + 1) as f64 };
    let columns = at_top.max(at_bottom);
    let width = needed.clamp(104.0, if columns < 3 { 220.0 } else { 180.0 });
    let between = |from: f64, to: f64, index: usize, count: usize| {
        from + (to - from) * (index + 1) as f64 / (count + 1) as f64
    };
    let row = |count: usize| {
        let columns: &[f64] = match count {
            1 => &[0.5],
            2 if columns < 3 => &[0.24, 0.76],
            2 => &[0.14, 0.86],
            _ => &[0.14, 0.5, 0.86],
        };
        columns.iter().map(|share| share * WIDTH)
    };
    let (left_x, right_x) = (0.14 * WIDTH, 0.86 * WIDTH);
    let around = (row(at_top).take(at_top).map(|x| (x, top)))
        .chain((0..right).map(|index| (right_x, between(top, top + height, index, right))))
        .chain(row(at_bottom).rev().take(at_bottom).map(|x| (x, top + height)))
        .chain((0..left).map(|index| (left_x, between(top + height, top, index, left))));
    let mut frames = vec![Frame::around((0.0, 0.0), 0.0, 0.0); items.len()];
    for (item, center) in rim.iter().zip(around) {
        frames[*item] = Frame::around(center, width, BOX_HEIGHT);
    }
    for (index, item) in hubs.iter().enumerate() {
        let y = between(top, top + height, index, hubs.len());
        frames[*item] = Frame::around((WIDTH / 2.0, y), width, BOX_HEIGHT);
    }
    (frames, top + height + BOX_HEIGHT / 2.0)
}

/// The items with the most neighbours, if they have at least [`HUB`].
fn hubs(items: &[Item], arrows: &[Arrow]) -> Vec<usize> {
    let neighbours = |item: usize| {
        (0..items.len())
            .filter(|other| {
                let links = |arrow: &&Arrow| {
                    (arrow.from, arrow.to) == (item, *other) || (arrow.to, arrow.from) == (item, *other)
                };
                *other != item && arrows.iter().any(|arrow| links(&arrow))
            })
            .count()
    };
    let counts = (0..items.len()).map(|item| (neighbours(item), item));
    let mut busiest: Vec<(usize, usize)> =
        counts.filter(|(count, item)| *count >= HUB && items[*item].shape != Shape::More).collect();
    busiest.sort_by_key(|(count, item)| (std::cmp::Reverse(*count), *item));
    busiest.into_iter().take(MAX_HUBS).map(|(_, item)| item).collect()
}
