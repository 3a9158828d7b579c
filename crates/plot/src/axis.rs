//! An axis of times, from less than a nanosecond to hours.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;

use crate::canvas::Canvas;
use crate::page::{Frame, Page};
use crate::palette::{GRID, QUIET, rgb};
use crate::units::{Unit, human_seconds, plain};

/// The room for the labels below a horizontal axis.
pub(crate) const BELOW: f64 = 24.0;
/// The room for the labels on the left of a vertical one.
pub(crate) const BESIDE: f64 = 64.0;
/// The factor between times above which their axis is logarithmic.
const MAX_LINEAR_FACTOR: f64 = 100.0;
/// The minimum time on a logarithmic axis.
const MIN_SECONDS: f64 = 1e-12;

/// A range of times, and its scale.
#[derive(Debug)]
pub(crate) struct TimeAxis {
    /// In seconds, or in their decimal logarithm.
    from: f64,
    to: f64,
    pub(crate) is_log: bool,
    /// The positions of the labels, and their texts.
    ticks: Vec<(f64, String)>,
}

impl TimeAxis {
    /// From 0 to the longest of these times; logarithmic if they differ much, then from the shortest one.
    pub(crate) fn from_zero(seconds: &[f64], labels: usize) -> TimeAxis {
        let (min, max) = ends(seconds);
        if max > MAX_LINEAR_FACTOR * min.max(MIN_SECONDS) && max > MAX_LINEAR_FACTOR * MIN_SECONDS {
            return TimeAxis::log(min, max, labels);
        }
        let to = if max > 0.0 { 1.04 * max } else { 1e-9 };
        TimeAxis::linear(0.0, to, labels)
    }

    /// From the shortest to the longest of these times, with a margin.
    pub(crate) fn around(seconds: &[f64], labels: usize) -> TimeAxis {
        let (min, max) = ends(seconds);
        if max > MAX_LINEAR_FACTOR * min.max(MIN_SECONDS) && max > MAX_LINEAR_FACTOR * MIN_SECONDS {
            return TimeAxis::log(min, max, labels);
        }
        let air = (0.06 * (max - min)).max(0.002 * max).max(1e-12);
        TimeAxis::linear((min - air).max(0.0), max + air, labels)
    }

    fn linear(from: f64, to: f64, labels: usize) -> TimeAxis {
        let unit = Unit::of(to);
        let step = nice((to - from) / unit.seconds / labels.max(1) as f64);
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let first = (from / unit.seconds / step).ceil() as i64;
        let last = (to / unit.seconds / step).floor() as i64;
        let tick = |index: i64| {
            let value = index as f64 * step;
            (value * unit.seconds, format!("{} {}", plain(value, decimals), unit.name))
        };
        TimeAxis { from, to, is_log: false, ticks: (first..=last).map(tick).collect() }
    }

    /// Whole decades, with as many labels as fit.
    fn log(min: f64, max: f64, labels: usize) -> TimeAxis {
        let (from, to) = (min.max(MIN_SECONDS).log10() - 0.15, max.max(MIN_SECONDS).log10() + 0.15);
        let (first, last) = (from.ceil() as i32, to.floor() as i32);
        let every = ((last - first) as usize / labels.max(1)) + 1;
        let tick = |decade: i32| (f64::from(decade), human_seconds(10_f64.powi(decade)));
        TimeAxis { from, to, is_log: true, ticks: (first..=last).step_by(every).map(tick).collect() }
    }

    /// The position of a time on the axis, from 0 to 1.
    pub(crate) fn share(&self, seconds: f64) -> f64 {
        let value = if self.is_log { seconds.max(MIN_SECONDS).log10() } else { seconds };
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    /// Labels below the frame, and lines up through it.
    pub(crate) fn draw_below(&self, page: &mut Page, frame: Frame) {
        self.draw(page, frame, true);
    }

    /// Labels on the left of the frame, and lines through it.
    pub(crate) fn draw_beside(&self, page: &mut Page, frame: Frame) {
        self.draw(page, frame, false);
    }

    /// Draws the axis with plotters.
    fn draw(&self, page: &mut Page, frame: Frame, below: bool) {
        let (beside, under) = if below { (0.0, BELOW) } else { (BESIDE, 0.0) };
        let canvas = Canvas { page, height: frame.bottom + under };
        let size = ((frame.width() + beside) as u32 + 1, (frame.height() + under) as u32 + 1);
        let area = canvas
            .into_drawing_area()
            .shrink(((frame.left - beside).max(0.0) as u32, frame.top as u32), size);
        let places = || self.ticks.iter().map(|(place, _)| *place).collect::<Vec<f64>>();
        let label = |value: &f64| {
            let tick = self.ticks.iter().find(|(place, _)| place == value);
            tick.map(|(_, label)| label.clone()).unwrap_or_default()
        };
        let times = || Ticks { range: self.from..self.to, places: places() };
        let nothing = || Ticks { range: 0.0..1.0, places: Vec::new() };
        let (x, y) = if below { (times(), nothing()) } else { (nothing(), times()) };
        // Our canvas never fails, and plotters itself fails only if there is no room at all.
        let _ = ChartBuilder::on(&area)
            .x_label_area_size(under as u32)
            .y_label_area_size(beside as u32)
            .build_cartesian_2d(x, y)
            .and_then(|mut chart| {
                let mut mesh = chart.configure_mesh();
                mesh.x_label_formatter(&label)
                    .y_label_formatter(&label)
                    .label_style(("sans-serif", 11))
                    .axis_style(rgb(QUIET))
                    .bold_line_style(rgb(GRID))
                    .max_light_lines(0);
                if below {
                    mesh.disable_y_axis().disable_y_mesh()
                } else {
                    mesh.disable_x_axis().disable_x_mesh()
                };
                mesh.draw()
            });
    }
}

/// Numbers with given tick positions, for plotters.
pub(crate) struct Ticks {
    pub(crate) range: Range<f64>,
    pub(crate) places: Vec<f64>,
}

impl Ranged for Ticks {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        from + (f64::from(to - from) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.places.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// The shortest and the longest of these times; 0 if there is none.
fn ends(seconds: &[f64]) -> (f64, f64) {
    let min = seconds.iter().copied().fold(f64::INFINITY, f64::min);
    let max = seconds.iter().copied().fold(0.0, f64::max);
    if min.is_finite() && max.is_finite() { (min, max) } else { (0.0, 0.0) }
}

/// The smallest of 1, 2, 5, 10 … in the decade of `step` that is at least `step`.
pub(crate) fn nice(step: f64) -> f64 {
    if !(step.is_finite() && step > 0.0) {
        return 1.0;
    }
    let decade = 10_f64.powi(step.log10().floor() as i32);
    let digit = [1.0, 2.0, 5.0, 10.0].into_iter().find(|digit| digit * decade >= step * (1.0 - 1e-9));
    digit.unwrap_or(10.0) * decade
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &TimeAxis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| &**label).collect()
    }

    #[test]
    fn labels_are_round_numbers_in_one_unit() {
        assert_eq!(labels(&TimeAxis::from_zero(&[0.7, 0.2], 6)), ["0 ms", "200 ms", "400 ms", "600 ms"]);
        assert_eq!(
            labels(&TimeAxis::around(&[1.21e-6, 1.24e-6], 4)),
            ["1.21 µs", "1.22 µs", "1.23 µs", "1.24 µs"]
        );
        assert_eq!(labels(&TimeAxis::from_zero(&[0.0], 4)), ["0 ns", "0.5 ns", "1 ns"]);
        assert_eq!(labels(&TimeAxis::from_zero(&[3600.0], 4)), ["0 min", "20 min", "40 min", "60 min"]);
    }

    #[test]
    fn times_that_differ_much_lie_on_a_logarithmic_axis() {
        let axis = TimeAxis::from_zero(&[1e-9, 3600.0], 6);
        assert!(axis.is_log && axis.ticks.len() <= 7, "{axis:?}");
        let shares = [1e-9, 1e-6, 1e-3, 1.0, 3600.0].map(|seconds| axis.share(seconds));
        assert!(shares.is_sorted() && shares[0] > 0.0 && shares[4] < 1.0, "{shares:?}");
    }

    #[test]
    fn steps_are_nice() {
        assert_eq!([0.9, 1.0, 1.1, 3.0, 7.0, 0.0, f64::NAN].map(nice), [1.0, 1.0, 2.0, 5.0, 10.0, 1.0, 1.0]);
    }
}
