//! The progress of a loop or of tasks: a bar that moves in its place.

use crate::bundle::MimeBundle;
use crate::output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A bar is drawn at most this often, so that a quick loop does not flood the reader.
const DRAW_EVERY: Duration = Duration::from_millis(33);

/// The width of the bar as text, in characters.
const WIDTH: usize = 30;

/// Style sheets that reset everything would hang the bar too high.
const STYLE: &str = "style=\"vertical-align: middle\"";

/// Yields the items of `items`, and shows a bar of the progress.
///
/// # Examples
///
/// ```
/// use threadbook_display::progress;
///
/// let sum: u32 = progress(1..=100).sum();
/// assert_eq!(sum, 5050);
/// ```
pub fn progress<I: IntoIterator>(items: I) -> Progress<I::IntoIter> {
    let items = items.into_iter();
    let total = match items.size_hint() {
        (least, Some(most)) if least == most => Some(most),
        _ => None,
    };
    Progress { items, bar: ProgressBar::start(total, "") }
}

/// A bar for `total` steps, to be moved by hand, also from several threads at once.
///
/// # Examples
///
/// ```
/// use threadbook_display::progress_bar;
///
/// let bar = progress_bar(3, "files");
/// for _ in 0..3 {
///     bar.inc(1);
/// }
/// assert_eq!(bar.position(), 3);
/// ```
pub fn progress_bar(total: usize, label: &str) -> ProgressBar {
    ProgressBar::start(Some(total), label)
}

/// An iterator with a bar; made by [`progress`].
pub struct Progress<I> {
    items: I,
    bar: ProgressBar,
}

impl<I: Iterator> Iterator for Progress<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let item = self.items.next()?;
        self.bar.inc(1);
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Progress<I> {}

/// A bar; made by [`progress_bar`]. Its drop draws it a last time, where it is then.
pub struct ProgressBar {
    label: String,
    total: Option<usize>,
    position: AtomicUsize,
    started: Instant,
    display_id: String,
    /// When it was drawn, or `None` if it is not on show.
    drawn: Mutex<Option<Instant>>,
}

static BARS: AtomicUsize = AtomicUsize::new(1);

impl ProgressBar {
    fn start(total: Option<usize>, label: &str) -> ProgressBar {
        let bar = ProgressBar {
            label: label.to_owned(),
            total,
            position: AtomicUsize::new(0),
            started: Instant::now(),
            display_id: format!("progress-{}-{}", std::process::id(), BARS.fetch_add(1, Relaxed)),
            drawn: Mutex::new(None),
        };
        if output::send_display_as(&bar.display_id, bar.bundle(bar.total)) {
            *bar.drawn.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(bar.started);
        }
        bar
    }

    /// Moves it on by `steps`.
    pub fn inc(&self, steps: usize) {
        self.position.fetch_add(steps, Relaxed);
        self.draw_sometimes();
    }

    /// Moves it to `position`.
    pub fn set_position(&self, position: usize) {
        self.position.store(position, Relaxed);
        self.draw_sometimes();
    }

    /// Where it is.
    pub fn position(&self) -> usize {
        self.position.load(Relaxed)
    }

    fn draw_sometimes(&self) {
        // Whoever finds it locked knows that somebody else is drawing.
        if let Ok(mut drawn) = self.drawn.try_lock()
            && let Some(last) = *drawn
            && last.elapsed() >= DRAW_EVERY
        {
            output::update_display(&self.display_id, self.bundle(self.total));
            *drawn = Some(Instant::now());
        }
    }

    fn bundle(&self, total: Option<usize>) -> MimeBundle {
        let (text, html) = drawing(&self.label, self.position(), total, self.started.elapsed());
        [("text/plain".to_owned(), text.into()), ("text/html".to_owned(), html.into())].into_iter().collect()
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        // By now it is known how much there was.
        let bundle = self.bundle(self.total.or(Some(self.position())));
        let is_on_show = self.drawn.get_mut().is_ok_and(|drawn| drawn.is_some());
        if is_on_show {
            output::update_display(&self.display_id, bundle);
        } else {
            // A front end that cannot change what it has shown sees the end.
            output::print_bundle(&bundle);
        }
    }
}

/// The bar as text and as HTML. The element `progress` keeps its look in light and dark, and on paper.
fn drawing(label: &str, position: usize, total: Option<usize>, elapsed: Duration) -> (String, String) {
    let seconds = elapsed.as_secs_f64();
    let label = if label.is_empty() { String::new() } else { format!("{label} ") };
    let Some(total) = total else {
        let state = format!("{position} in {seconds:.1} s");
        return (
            format!("{label}{state}"),
            format!("{}<progress {STYLE}></progress> {state}", escaped(&label)),
        );
    };
    let filled = position.min(total) * WIDTH / total.max(1);
    let left = match position {
        0 => String::new(),
        _ if position >= total => format!(", {seconds:.1} s"),
        _ => format!(", {seconds:.1} s, {:.1} s left", seconds / position as f64 * (total - position) as f64),
    };
    let state = format!("{position}/{total}{left}");
    let bar = format!("{}{}", "█".repeat(filled), "·".repeat(WIDTH - filled));
    let element = format!("<progress value=\"{position}\" max=\"{total}\" {STYLE}></progress>");
    (format!("{label}{bar} {state}"), format!("{}{element} {state}", escaped(&label)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_bar_fills_and_the_time_that_is_left_is_told() {
        let (text, html) = drawing("<files>", 1, Some(3), SECOND);
        assert!(
            text.starts_with("<files> ██████████····") && text.ends_with("1/3, 1.0 s, 2.0 s left"),
            "{text}"
        );
        assert!(html.starts_with("&lt;files&gt; <progress value=\"1\" max=\"3\""), "{html}");
        assert!(drawing("", 3, Some(3), SECOND).0.ends_with("█ 3/3, 1.0 s"));
        assert!(drawing("", 5, Some(3), SECOND).0.ends_with("█ 5/3, 1.0 s"));
    }

    #[test]
    fn nothing_to_do_and_nobody_knows_how_much_are_fine() {
        assert!(drawing("", 0, Some(0), SECOND).0.ends_with("0/0"));
        assert_eq!(drawing("", 7, None, SECOND).0, "7 in 1.0 s");
    }

    #[test]
    fn an_iterator_with_a_bar_yields_the_same() {
        let items: Vec<_> = progress(vec!['a', 'b']).collect();
        assert_eq!(items, ['a', 'b']);
        assert_eq!(progress(0..5).len(), 5);
        assert_eq!((0..5).filter(|n| n % 2 == 0).count(), progress((0..5).filter(|n| n % 2 == 0)).count());
    }
}
