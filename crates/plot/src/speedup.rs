//! The picture of a speed-up curve: the measured points, the ideal line, and Amdahl's law.

use plotters::prelude::*;
use threadbook_display::Svg;
use threadbook_timing::{Point, SpeedUp, counted};

use crate::axis::{Ticks, nice};
use crate::canvas::Canvas;
use crate::marks::{Shape, line, point, whisker_up};
use crate::page::{Anchor, Font, Frame, N, Page, WIDTH};
use crate::palette::{BARS, GRID, QUIET, rgb};
use crate::units::{human_seconds, plain};

const MARGIN: f64 = 14.0;
const FRAME: Frame = Frame { left: 66.0, top: 56.0, right: WIDTH - 30.0, bottom: 300.0 };
const SMALL: Font = Font::new(11.0);
/// The number of horizontal grid lines.
const LINES: f64 = 6.0;
/// The styles of the lines, and the number of segments of the curved one.
const IDEAL: &str = " stroke-width=\"1\" stroke-dasharray=\"6 4\"";
const AMDAHL: &str = " stroke-width=\"2\"";
const UNCERTAIN: &str = " stroke-width=\"2\" stroke-dasharray=\"2 3\"";
const STEPS: u32 = 96;
/// The minimum space between two numbers below the axis.
const AIR: f64 = 8.0;

/// Draws a speed-up curve: a point with its interval for each number of workers, the ideal line, and, for
/// three points or more, the best fit of Amdahl's law, dotted if it is uncertain.
///
/// # Examples
///
/// ```
/// use threadbook_timing::{Measurement, SpeedUp};
///
/// let times = [(1, 12.0), (2, 7.0), (4, 4.5)];
/// let curve = SpeedUp::new(times.map(|(workers, time)| (workers, Measurement::new(1, [time, time]))));
/// assert!(threadbook_plot::speedup(&curve).0.contains("Amdahl"));
/// ```
pub fn speedup(curve: &SpeedUp) -> Svg {
    let (page, height) = draw(curve);
    page.finish(height, "Speed-up", &curve.to_string().replace('\n', " "))
}

/// The page and its height.
pub(crate) fn draw(curve: &SpeedUp) -> (Page, f64) {
    let mut page = Page::new();
    let room = WIDTH - 2.0 * MARGIN;
    page.text("Speed-up over the number of workers", Font::new(13.0).bold(), Anchor::Start, (MARGIN, 23.0));
    let mut y = 36.0;
    if !curve.points().is_empty() {
        let plane = Plane::of(curve);
        plane.draw(&mut page, curve);
        y = FRAME.bottom + 34.0;
    }
    let nothing = "Nothing was measured.".to_owned();
    let notes: Vec<String> = curve.law().into_iter().chain(curve.notes()).collect();
    let notes = if curve.points().is_empty() { vec![nothing] } else { notes };
    y = page.paragraphs(&notes, SMALL, (MARGIN, y), room);
    (page, y + 10.0)
}

/// Numbers of workers from left to right, factors from bottom to top.
struct Plane {
    max_workers: f64,
    highest: f64,
}

impl Plane {
    fn of(curve: &SpeedUp) -> Plane {
        let workers = |point: &Point| point.workers as f64;
        let max_workers = curve.points().iter().map(workers).fold(1.0, f64::max);
        let ends = curve.points().iter().map(|point| {
            let (middle, end) = (curve.speedup(point.workers), curve.interval(point.workers).end);
            // The interval of very few runs must not dominate the scale.
            if end.is_finite() { end.min(2.0 * middle) } else { middle }
        });
        let highest = ends.fold(curve.expected(max_workers), f64::max);
        let ideal = max_workers / curve.baseline() as f64;
        Plane {
            max_workers: 1.04 * max_workers,
            highest: 1.06 * highest.max(ideal.min(2.0 * highest)).max(1e-9),
        }
    }

    fn place(&self, workers: f64, speedup: f64) -> (f64, f64) {
        let (across, up) = (workers / self.max_workers, (speedup / self.highest).clamp(0.0, 1.0));
        (FRAME.left + across * FRAME.width(), FRAME.bottom - up * FRAME.height())
    }

    fn draw(&self, page: &mut Page, curve: &SpeedUp) {
        self.lines(page, curve);
        self.numbers(page, curve);
        for measured in curve.points() {
            let (workers, speedup) = (measured.workers as f64, curve.speedup(measured.workers));
            let (x, y) = self.place(workers, speedup);
            let interval = curve.interval(measured.workers);
            if measured.workers != curve.baseline() && interval.end.is_finite() {
                let (_, low) = self.place(workers, interval.start);
                let (_, high) = self.place(workers, interval.end);
                whisker_up(page, x, low, high, 4.0);
            }
            let took = human_seconds(measured.measurement.median_seconds());
            let tip = format!("{}: {took}, {speedup:.2} times", counted(measured.workers, "worker"));
            point(page, Shape::Circle, (x, y), 4.5, BARS[4].0, &tip);
        }
        self.legend(page, curve);
    }

    /// The grid, by plotters, the ideal line and Amdahl's.
    fn lines(&self, page: &mut Page, curve: &SpeedUp) {
        let canvas = Canvas { page, height: FRAME.bottom };
        let beside = 54.0;
        let size = ((FRAME.width() + beside) as u32 + 1, FRAME.height() as u32 + 1);
        let area = canvas.into_drawing_area().shrink(((FRAME.left - beside) as u32, FRAME.top as u32), size);
        let step = nice(self.highest / LINES);
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let heights =
            (0..=(self.highest / step) as u32).map(|line| f64::from(line) * step).collect::<Vec<f64>>();
        let label = |value: &f64| match self.highest {
            0.01..9_999.0 => format!("{} ×", plain(*value, decimals)),
            _ => format!("{value:.0e} ×"),
        };
        // Our canvas never fails, and plotters itself fails only if there is no room at all.
        let _ = ChartBuilder::on(&area)
            .y_label_area_size(beside as u32)
            .build_cartesian_2d(
                Ticks { range: 0.0..self.max_workers, places: Vec::new() },
                Ticks { range: 0.0..self.highest, places: heights },
            )
            .and_then(|mut chart| {
                chart
                    .configure_mesh()
                    .disable_x_mesh()
                    .y_label_formatter(&label)
                    .label_style(("sans-serif", 11))
                    .axis_style(rgb(QUIET))
                    .bold_line_style(rgb(GRID))
                    .max_light_lines(0)
                    .draw()
            });
        // Finer than plotters, which draws from pixel to pixel.
        let base = curve.baseline() as f64;
        // The ideal line leaves through the top if it is too steep.
        let end = self.max_workers.min(self.highest * base);
        let ideal =
            [(base, 1.0), (end, end / base)].map(|(workers, factor)| Some(self.place(workers, factor)));
        line(page, &ideal, QUIET, IDEAL);
        if curve.has_law() {
            let step = (self.max_workers - base) / f64::from(STEPS);
            let workers = (0..=STEPS).map(|n| base + step * f64::from(n));
            let places = workers.map(|workers| Some(self.place(workers, curve.expected(workers))));
            line(page, &places.collect::<Vec<_>>(), BARS[1].0, amdahl(curve));
        }
    }

    /// The measured numbers of workers, as far as they fit.
    fn numbers(&self, page: &mut Page, curve: &SpeedUp) {
        let baseline = FRAME.bottom + 15.0;
        let mut free = FRAME.left - AIR;
        // From the right: the last one is more important than those before.
        let last = curve.points().last().map_or(0, |point| point.workers);
        let width = |workers: usize| SMALL.width(&workers.to_string());
        let start_of_last = self.place(last as f64, 0.0).0 - width(last) / 2.0;
        for workers in curve.points().iter().map(|point| point.workers) {
            let x = self.place(workers as f64, 0.0).0;
            let (start, end) = (x - width(workers) / 2.0, x + width(workers) / 2.0);
            let (tick, top, bottom) = (N(x), N(FRAME.bottom), N(FRAME.bottom + 4.0));
            page.add(format_args!(r#"<path d="M{tick} {top}V{bottom}" stroke="{QUIET}" stroke-width="1"/>"#));
            if start >= free + AIR && (workers == last || end + AIR <= start_of_last) {
                page.text(&workers.to_string(), SMALL, Anchor::Middle, (x, baseline));
                free = end;
            }
        }
        let word = SMALL.color(QUIET);
        page.text("workers", word, Anchor::End, (WIDTH - MARGIN, baseline + 13.0));
    }

    fn legend(&self, page: &mut Page, curve: &SpeedUp) {
        let y = 42.0;
        let mut x = FRAME.left;
        let mut entry = |page: &mut Page, text: &str, color: &str, look: &str| {
            let (from, to, middle) = (N(x), N(x + 22.0), N(y - 4.0));
            if look.is_empty() {
                point(page, Shape::Circle, (x + 11.0, y - 4.0), 4.5, color, "");
            } else {
                page.add(format_args!(r#"<path d="M{from} {middle}H{to}" stroke="{color}"{look}/>"#));
            }
            page.text(text, SMALL, Anchor::Start, (x + 28.0, y));
            x += 28.0 + SMALL.width(text) + 18.0;
        };
        entry(page, "measured, with its 95 % interval", BARS[4].0, "");
        entry(page, "ideal", QUIET, IDEAL);
        if curve.has_law() {
            let name = if curve.is_certain() { "Amdahl's law" } else { "Amdahl's law, uncertain" };
            entry(page, name, BARS[1].0, amdahl(curve));
        }
    }
}

/// The style of the line of Amdahl's law.
fn amdahl(curve: &SpeedUp) -> &'static str {
    if curve.is_certain() { AMDAHL } else { UNCERTAIN }
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadbook_timing::Measurement;

    fn picture(points: &[(usize, [f64; 6])]) -> String {
        let points = points.iter().map(|(workers, times)| (*workers, Measurement::new(1, *times)));
        speedup(&SpeedUp::new(points).on_processors(8)).0
    }

    #[test]
    fn what_is_not_known_is_not_drawn_as_if_it_were() {
        let two = picture(&[(1, [1.0; 6]), (2, [0.8; 6])]);
        assert!(!two.contains("Amdahl") && two.contains("three numbers of workers or more"), "{two}");
        let three = picture(&[(1, [1.0; 6]), (2, [0.8; 6]), (4, [0.7; 6])]);
        assert!(three.contains(">Amdahl's law<") && !three.contains(UNCERTAIN), "{three}");
        let noisy = [1.0, 1.0, 1.0, 1.5, 1.6, 1.7];
        let noisy = picture(&[(1, noisy), (2, noisy.map(|time| 0.8 * time)), (4, noisy)]);
        assert!(noisy.contains(">Amdahl's law, uncertain<") && noisy.contains(UNCERTAIN), "{noisy}");
    }
}
