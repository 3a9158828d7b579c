//! The marks of measurements: dots, and intervals around them.

use std::fmt::Write;

use crate::page::{N, Page, tooltip};
use crate::palette::{ALARM, INK, PANEL, QUIET};

/// The shapes of points, which distinguish lines without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Circle,
    Square,
    Diamond,
    Triangle,
    Cross,
    Ring,
}

pub(crate) const SHAPES: [Shape; 6] =
    [Shape::Circle, Shape::Square, Shape::Diamond, Shape::Triangle, Shape::Cross, Shape::Ring];

/// A point of that shape, `size` from its middle to its edge.
pub(crate) fn point(page: &mut Page, shape: Shape, (x, y): (f64, f64), size: f64, color: &str, tip: &str) {
    let tip = if tip.is_empty() { String::new() } else { tooltip(tip) };
    let (left, right, top, bottom) = (N(x - size), N(x + size), N(y - size), N(y + size));
    let (x, y, radius, side) = (N(x), N(y), N(size), N(2.0 * size));
    let edge = format!("stroke=\"{PANEL}\" stroke-width=\"0.8\"");
    match shape {
        Shape::Circle => page.add(format_args!(r#"<circle cx="{x}" cy="{y}" r="{radius}" fill="{color}" {edge}>{tip}</circle>"#)),
        Shape::Ring => page.add(format_args!(
            r#"<circle cx="{x}" cy="{y}" r="{radius}" fill="{PANEL}" stroke="{color}" stroke-width="1.8">{tip}</circle>"#
        )),
        Shape::Square => page.add(format_args!(
            r#"<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="{color}" {edge}>{tip}</rect>"#
        )),
        Shape::Diamond => page.add(format_args!(
            r#"<path d="M{x} {top}L{right} {y}L{x} {bottom}L{left} {y}Z" fill="{color}" {edge}>{tip}</path>"#
        )),
        Shape::Triangle => page.add(format_args!(
            r#"<path d="M{x} {top}L{right} {bottom}H{left}Z" fill="{color}" {edge}>{tip}</path>"#
        )),
        Shape::Cross => page.add(format_args!(
            r#"<path d="M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}" stroke="{color}" stroke-width="2">{tip}</path>"#
        )),
    }
}

/// A small dot for one run.
pub(crate) fn dot(page: &mut Page, (x, y): (f64, f64)) {
    let (x, y) = (N(x), N(y));
    page.add(format_args!(r#"<circle cx="{x}" cy="{y}" r="1.6" fill="{INK}" fill-opacity="0.55"/>"#));
}

/// An interval from left to right, with its ends.
pub(crate) fn whisker_across(page: &mut Page, from: f64, to: f64, y: f64, end: f64) {
    let (from, to, top, bottom, y) = (N(from), N(to), N(y - end), N(y + end), N(y));
    page.add(format_args!(
        r#"<path d="M{from} {y}H{to}M{from} {top}V{bottom}M{to} {top}V{bottom}" fill="none" stroke="{INK}" stroke-width="1.4"/>"#
    ));
}

/// An interval from top to bottom, with its ends.
pub(crate) fn whisker_up(page: &mut Page, x: f64, from: f64, to: f64, end: f64) {
    let (from, to, left, right, x) = (N(from), N(to), N(x - end), N(x + end), N(x));
    page.add(format_args!(
        r#"<path d="M{x} {from}V{to}M{left} {from}H{right}M{left} {to}H{right}" fill="none" stroke="{INK}" stroke-width="1.2"/>"#
    ));
}

/// A line through points, with a gap at each missing one.
pub(crate) fn line(page: &mut Page, points: &[Option<(f64, f64)>], color: &str, more: &str) {
    let mut path = String::new();
    let mut command = 'M';
    for place in points {
        match place {
            // Writing to a string cannot fail.
            Some((x, y)) => drop(write!(path, "{command}{} {}", N(*x), N(*y))),
            None => {
                command = 'M';
                continue;
            }
        }
        command = 'L';
    }
    if !path.is_empty() {
        page.add(format_args!(r#"<path d="{path}" fill="none" stroke="{color}"{more}/>"#));
    }
}

/// A sparkline of the medians over the runs, from 0 at its bottom; the last one is highlighted.
pub(crate) fn sparkline(
    page: &mut Page,
    medians: &[Option<f64>],
    (left, bottom): (f64, f64),
    (width, height): (f64, f64),
) {
    let max = medians.iter().flatten().copied().fold(0.0, f64::max).max(1e-12);
    let step = width / (medians.len().max(2) - 1) as f64;
    let places: Vec<Option<(f64, f64)>> = medians
        .iter()
        .enumerate()
        .map(|(run, median)| median.map(|median| (left + run as f64 * step, bottom - height * median / max)))
        .collect();
    line(page, &places, QUIET, " stroke-width=\"1.1\"");
    for place in places.iter().flatten() {
        let (x, y) = (N(place.0), N(place.1));
        page.add(format_args!(r#"<circle cx="{x}" cy="{y}" r="1.2" fill="{QUIET}"/>"#));
    }
    if let Some(Some(last)) = places.last() {
        point(page, Shape::Circle, *last, 3.2, ALARM, "");
    }
}
