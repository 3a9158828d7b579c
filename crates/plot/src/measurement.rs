//! The picture of a measurement: a dot for each loop, and their median.

use threadbook_display::Svg;
use threadbook_timing::Measurement;

use crate::axis::{BELOW, TimeAxis};
use crate::marks::{Shape, point};
use crate::page::{Anchor, Font, Frame, N, Page, WIDTH, tooltip};
use crate::palette::{ALARM, BARS, QUIET, STRIPE};
use crate::units::human_seconds;

const MARGIN: f64 = 14.0;
const SIDE: f64 = 44.0;
const TOP: f64 = 36.0;
const SMALL: Font = Font::new(11.0);
/// The height of the band of dots.
const HEIGHT: f64 = 64.0;
/// The maximum number of dots; of more loops, a regular selection is drawn.
const MAX_DOTS: usize = 400;

/// Draws a measurement: a dot for each loop, in their order from top to bottom, the quartiles, the median,
/// and its 95 % confidence interval.
///
/// # Examples
///
/// ```
/// use threadbook_timing::Measurement;
///
/// let measurement = Measurement::new(1000, [1.2e-6, 1.3e-6, 1.25e-6]);
/// assert!(threadbook_plot::measurement(&measurement).0.contains("1.25 µs"));
/// ```
pub fn measurement(measurement: &Measurement) -> Svg {
    let (page, height) = draw(measurement);
    page.finish(height, "A measurement", &measurement.to_string().replace('\n', " "))
}

/// The page and its height.
pub(crate) fn draw(measurement: &Measurement) -> (Page, f64) {
    let mut page = Page::new();
    let text = measurement.to_string();
    let mut lines = text.lines();
    let room = WIDTH - 2.0 * MARGIN;
    let title = Font::new(13.0).bold();
    page.text_within(lines.next().unwrap_or_default(), title, Anchor::Start, (MARGIN, 23.0), room);
    let mut y = TOP;
    let seconds = measurement.seconds();
    if !seconds.is_empty() {
        let frame = Frame { left: SIDE, top: TOP, right: WIDTH - SIDE, bottom: TOP + HEIGHT };
        draw_dots(&mut page, seconds, frame);
        y = frame.bottom + BELOW + 8.0;
    }
    let rest: Vec<String> = lines.map(str::to_owned).collect();
    y = page.paragraphs(&rest, SMALL, (MARGIN, y), room);
    (page, y + 10.0)
}

fn draw_dots(page: &mut Page, seconds: &[f64], frame: Frame) {
    let axis = TimeAxis::around(seconds, 6);
    axis.draw_below(page, frame);
    let x = |seconds: f64| frame.left + axis.share(seconds) * frame.width();
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quantile = |part: f64| {
        let place = part * (sorted.len() - 1) as f64;
        let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    let (low, middle, high) = (x(quantile(0.25)), x(quantile(0.5)), x(quantile(0.75)));
    let tip = tooltip(&format!(
        "half of the loops: {} to {}",
        human_seconds(quantile(0.25)),
        human_seconds(quantile(0.75))
    ));
    let (left, top, width, height) =
        (N(low), N(frame.top + 4.0), N((high - low).max(1.0)), N(frame.height() - 8.0));
    page.add(format_args!(
        r#"<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="{STRIPE}" stroke="{QUIET}" stroke-width="0.8">{tip}</rect>"#
    ));
    let step = frame.height() - 20.0;
    let every = seconds.len().div_ceil(MAX_DOTS).max(1);
    let size = if seconds.len() > 60 { 2.0 } else { 3.6 };
    for (index, time) in seconds.iter().enumerate().step_by(every) {
        let down = (index as f64 + 0.5) / seconds.len() as f64;
        let tip = format!("loop {}: {}", index + 1, human_seconds(*time));
        point(page, Shape::Circle, (x(*time), frame.top + 10.0 + step * down), size, BARS[4].0, &tip);
    }
    let (middle, top, bottom) = (N(middle), N(frame.top), N(frame.bottom));
    let tip = tooltip(&format!("the median: {}", human_seconds(quantile(0.5))));
    page.add(format_args!(
        r#"<path d="M{middle} {top}V{bottom}" stroke="{ALARM}" stroke-width="2">{tip}</path>"#
    ));
}
