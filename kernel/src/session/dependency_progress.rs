//! The progress of `:dep`: one line, which changes in its place.

use super::event::DependencyStep;
use super::output::CellOutput;
use std::time::{Duration, Instant};
use threadbook_wire::MimeBundle;

/// Work that takes no longer than this is not shown.
const MIN_SHOWN: Duration = Duration::from_millis(400);

/// The time between two changes of the line.
const TICK: Duration = Duration::from_millis(250);

/// The line of the running cell, if it needs one.
#[derive(Default)]
pub struct DependencyProgress {
    build: Option<DependencyBuild>,
    /// The number of builds so far.
    builds: usize,
}

struct DependencyBuild {
    /// The crates that the cell asks for.
    asked: Vec<String>,
    started: Instant,
    /// The crates that cargo has begun to compile, and their versions.
    crates: Vec<(String, String)>,
    /// The line on show.
    shown: Option<String>,
    /// The time of the next change.
    next: Instant,
    number: usize,
}

impl DependencyProgress {
    pub fn step(&mut self, step: DependencyStep, now: Instant, output: &mut CellOutput) {
        match step {
            DependencyStep::Begin(asked) => {
                self.builds += 1;
                let (number, next) = (self.builds, now + TICK);
                let crates = Vec::new();
                self.build = Some(DependencyBuild { asked, started: now, crates, shown: None, next, number });
            }
            DependencyStep::Compiling { name, version } => {
                if let Some(build) = &mut self.build {
                    build.crates.push((name, version));
                    build.go_on(now, output);
                }
            }
            DependencyStep::Ready => {
                if let Some(mut build) = self.build.take()
                    && (build.shown.is_some() || !build.crates.is_empty())
                {
                    let text = build.ready(now);
                    build.show(text, output);
                }
            }
            // Crates that are not ready at the end could not be brought.
            DependencyStep::End => {
                if let Some(mut build) = self.build.take()
                    && build.shown.is_some()
                {
                    let text =
                        format!("{} could not be brought ({})", build.asked.join(", "), build.time(now));
                    build.show(text, output);
                }
            }
        }
    }

    /// The time of the next change.
    pub fn next_tick(&self) -> Option<Instant> {
        self.build.as_ref().map(|build| build.next)
    }

    /// Changes the line if it is time.
    pub fn tick(&mut self, now: Instant, output: &mut CellOutput) {
        if let Some(build) = self.build.as_mut().filter(|build| build.next <= now) {
            build.go_on(now, output);
        }
    }
}

impl DependencyBuild {
    fn go_on(&mut self, now: Instant, output: &mut CellOutput) {
        self.next = now + TICK;
        if now.duration_since(self.started) >= MIN_SHOWN {
            let text = self.going_on(now);
            self.show(text, output);
        }
    }

    fn show(&mut self, text: String, output: &mut CellOutput) {
        let data: MimeBundle = [("text/plain".to_owned(), text.clone().into())].into_iter().collect();
        let id = format!("building-{}-{}", std::process::id(), self.number);
        match &self.shown {
            None => output.display(data, MimeBundle::new(), Some(id)),
            Some(before) if *before == text => {}
            Some(_) => output.update_display(data, MimeBundle::new(), id),
        }
        self.shown = Some(text);
    }

    fn time(&self, now: Instant) -> String {
        format!("{:.1} s", now.duration_since(self.started).as_secs_f64())
    }

    fn going_on(&self, now: Instant) -> String {
        let seconds = now.duration_since(self.started).as_secs();
        match self.crates.last() {
            None => format!("Looking for {}… {seconds} s", self.asked.join(", ")),
            Some((name, version)) => format!("Compiling {name} {version}… {seconds} s"),
        }
    }

    fn ready(&self, now: Instant) -> String {
        let asked: Vec<String> = self
            .asked
            .iter()
            .map(|asked| {
                let same = |name: &str| name.replace('-', "_") == asked.replace('-', "_");
                let found = self.crates.iter().rev().find(|(name, _)| same(name));
                found.map_or_else(|| asked.clone(), |(name, version)| format!("{name} {version}"))
            })
            .collect();
        let verb = if asked.len() == 1 { "is" } else { "are" };
        format!("{} {verb} ready ({})", asked.join(", "), self.time(now))
    }
}

/// The names of the crates in the lines of `:dep`.
pub fn crate_names(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| line.split('=').next().unwrap_or_default().trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_changes_in_its_place_and_then_names_the_crates() {
        let asked = crate_names(&["serde_x = \"1\"", "regex = { version = \"1\" }"]);
        assert_eq!(asked, ["serde_x", "regex"]);
        let (started, crates) = (Instant::now(), Vec::new());
        let mut build = DependencyBuild { asked, started, crates, shown: None, next: started, number: 1 };
        assert_eq!(build.going_on(started), "Looking for serde_x, regex… 0 s");
        build.crates.push(("serde-x".into(), "1.0.2".into()));
        let later = started + Duration::from_millis(1500);
        assert_eq!(build.going_on(later), "Compiling serde-x 1.0.2… 1 s");
        assert_eq!(build.ready(later), "serde-x 1.0.2, regex are ready (1.5 s)");
    }

    #[test]
    fn short_work_is_not_shown() {
        let (start, mut output) = (Instant::now(), CellOutput::new("/".into()));
        let mut progress = DependencyProgress::default();
        progress.step(DependencyStep::Begin(vec!["a".into()]), start, &mut output);
        assert_eq!(progress.next_tick(), Some(start + TICK));
        progress.tick(start + TICK, &mut output);
        assert!(progress.build.as_ref().unwrap().shown.is_none());
        progress.tick(start + 2 * TICK, &mut output);
        assert!(progress.build.as_ref().unwrap().shown.is_some());
        progress.step(DependencyStep::End, start + 3 * TICK, &mut output);
        assert_eq!(progress.next_tick(), None);
    }
}
