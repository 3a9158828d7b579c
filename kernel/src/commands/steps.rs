//! Shows the current step, and its duration.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// On a terminal the line of a running step is redrawn this often.
const REDRAW: Duration = Duration::from_millis(200);
/// A log gets no more than one detail in this time.
const LOG: Duration = Duration::from_secs(10);
/// A redrawn line must not wrap.
const WIDTH: usize = 78;

/// Runs `work` as a long step called `what`. `work` may report details.
pub(crate) fn step<T>(
    what: &str,
    work: impl FnOnce(&mut dyn FnMut(&str)) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    let terminal = std::io::stderr().is_terminal();
    let result = std::thread::scope(|scope| {
        if terminal {
            let (details, received) = channel::<String>();
            scope.spawn(move || {
                let mut detail = String::new();
                loop {
                    draw(&line(started.elapsed(), what, &detail));
                    match received.recv_timeout(REDRAW) {
                        Ok(news) => detail = news,
                        Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
            });
            // The sender goes when the work is over, even by a panic, and that ends the drawing.
            report_to(details, work)
        } else {
            eprintln!("{}", line(started.elapsed(), what, "…"));
            let mut last = started;
            work(&mut |detail| {
                if last.elapsed() >= LOG {
                    last = Instant::now();
                    eprintln!("{}", line(started.elapsed(), what, detail));
                }
            })
        }
    });
    let end = if result.is_ok() { "done" } else { "failed" };
    if terminal {
        draw("");
    }
    eprintln!("{}", line(started.elapsed(), what, end));
    result
}

fn report_to<T>(details: Sender<String>, work: impl FnOnce(&mut dyn FnMut(&str)) -> T) -> T {
    work(&mut |detail| {
        let _ = details.send(detail.to_owned());
    })
}

fn draw(line: &str) {
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "\r\x1b[K{line}");
    let _ = stderr.flush();
}

fn line(elapsed: Duration, what: &str, detail: &str) -> String {
    let detail = detail.lines().next().unwrap_or_default().trim();
    let separator = if detail.is_empty() { "" } else { ": " };
    let whole = format!("{:>7.1} s  {what}{separator}{detail}", elapsed.as_secs_f64());
    shorten(&whole, WIDTH)
}

/// At most `width` characters of `text`, which says so if it was longer.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_time_and_never_wraps() {
        let elapsed = Duration::from_millis(61_240);
        assert_eq!(line(elapsed, "Building", "  tokio \nmore"), "   61.2 s  Building: tokio");
        assert_eq!(line(elapsed, "Building", ""), "   61.2 s  Building");
        assert_eq!(line(elapsed, "Building", &"x".repeat(200)).chars().count(), WIDTH);
    }

    #[test]
    fn a_step_hands_back_what_its_work_did() {
        let value = step("Counting", |report| {
            report("one");
            Ok(1)
        });
        assert_eq!(value.unwrap(), 1);
        let error = step("Failing", |_| -> anyhow::Result<()> { anyhow::bail!("no") });
        assert_eq!(error.unwrap_err().to_string(), "no");
    }

    #[test]
    fn shortening_counts_characters() {
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöüß", 3), "äö…");
    }
}
