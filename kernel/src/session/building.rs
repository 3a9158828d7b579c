//! Shows how far the crates are that a cell brings with `:dep`: one line, which changes in its place.

use super::lock;
use super::output::CellOutput;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use threadbook_wire::MimeBundle;

/// Work that takes no longer than this is not shown.
const PATIENCE: Duration = Duration::from_millis(400);

/// How often the line changes at least.
const TICK: Duration = Duration::from_millis(250);

/// The line of the cell that runs, if it needs one.
pub struct Building {
    state: Mutex<Option<Build>>,
    output: Arc<CellOutput>,
}

struct Build {
    /// The crates that the cell asks for.
    asked: Vec<String>,
    started: Instant,
    /// The crates that cargo has begun to compile, and their versions.
    crates: Vec<(String, String)>,
    /// The line on show.
    shown: Option<String>,
    number: usize,
}

impl Building {
    /// Starts the thread that changes the line while time passes. It lives as long as the kernel.
    pub fn new(output: Arc<CellOutput>) -> Arc<Building> {
        let building = Arc::new(Building { state: Mutex::default(), output });
        let ticking = building.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(TICK);
                ticking.go_on(None);
            }
        });
        building
    }

    /// A cell begins that asks for crates.
    pub fn begin(&self, cell: &str) {
        let asked = asked(cell);
        if !asked.is_empty() {
            let started = Instant::now();
            let mut state = lock(&self.state);
            *state = Some(Build { asked, started, crates: Vec::new(), shown: None, number: next_number() });
        }
    }

    /// The cell has ended. If its crates are not ready by then, they could not be brought.
    pub fn end(&self) {
        if let Some(build) = lock(&self.state).take()
            && build.shown.is_some()
        {
            let text = format!("{} could not be brought ({})", build.asked.join(", "), build.time());
            self.show(build, text);
        }
    }

    /// cargo compiles a crate.
    pub fn compiles(&self, name: &str, version: &str) {
        self.go_on(Some((name.to_owned(), version.to_owned())));
    }

    /// The crates are compiled.
    pub fn is_ready(&self) {
        if let Some(build) = lock(&self.state).take()
            && (build.shown.is_some() || !build.crates.is_empty())
        {
            let text = build.ready();
            self.show(build, text);
        }
    }

    fn go_on(&self, compiles: Option<(String, String)>) {
        let mut state = lock(&self.state);
        let Some(mut build) = state.take() else { return };
        build.crates.extend(compiles);
        *state = Some(if build.started.elapsed() < PATIENCE {
            build
        } else {
            let text = build.going_on();
            self.show(build, text)
        });
    }

    fn show(&self, mut build: Build, text: String) -> Build {
        let data: MimeBundle = [("text/plain".to_owned(), text.clone().into())].into_iter().collect();
        let id = format!("building-{}-{}", std::process::id(), build.number);
        match &build.shown {
            None => self.output.display(data, MimeBundle::new(), Some(id)),
            Some(before) if *before == text => {}
            Some(_) => self.output.update_display(data, MimeBundle::new(), id),
        }
        build.shown = Some(text);
        build
    }
}

impl Build {
    fn time(&self) -> String {
        format!("{:.1} s", self.started.elapsed().as_secs_f64())
    }

    fn going_on(&self) -> String {
        let seconds = self.started.elapsed().as_secs();
        match self.crates.last() {
            None => format!("Looking for {}… {seconds} s", self.asked.join(", ")),
            Some((name, version)) => format!("Compiling {name} {version}… {seconds} s"),
        }
    }

    fn ready(&self) -> String {
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
        format!("{} {verb} ready ({})", asked.join(", "), self.time())
    }
}

fn next_number() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NUMBER: AtomicUsize = AtomicUsize::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// The names of the crates that a cell asks for.
fn asked(cell: &str) -> Vec<String> {
    let lines = cell.lines().filter_map(|line| line.trim_start().strip_prefix(":dep "));
    lines.map(|line| line.split('=').next().unwrap_or_default().trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_goes_on_and_then_what_is_ready() {
        let cell = ":dep serde_x = \"1\"\n:dep regex = { version = \"1\" }\nlet dep = 1;";
        let started = Instant::now();
        let mut build = Build { asked: asked(cell), started, crates: Vec::new(), shown: None, number: 1 };
        assert_eq!(build.going_on(), "Looking for serde_x, regex… 0 s");
        build.crates.push(("serde-x".into(), "1.0.2".into()));
        assert_eq!(build.going_on(), "Compiling serde-x 1.0.2… 0 s");
        assert_eq!(build.ready(), "serde-x 1.0.2, regex are ready (0.0 s)");
    }
}
