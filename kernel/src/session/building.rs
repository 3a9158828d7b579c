//! Shows how far the crates are that a cell brings with `:dep`: one line, which changes in its place.
//!
//! The cargo of the session's toolchain (see [`front`]) tells what it compiles, over a socket.

use super::lock;
use super::output::CellOutput;
use crate::sockets;
use crate::toolchain::front;
use crate::wire::MimeBundle;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What takes no longer than this is not shown.
const PATIENCE: Duration = Duration::from_millis(400);

/// How often the line changes at least.
const TICK: Duration = Duration::from_millis(250);

/// The line of the cell that runs, if it needs one.
pub struct Building {
    state: Mutex<Option<Build>>,
    output: Arc<CellOutput>,
}

struct Build {
    /// What the cell asks for.
    asked: Vec<String>,
    started: Instant,
    /// What cargo has begun to compile, and in which version.
    crates: Vec<(String, String)>,
    /// The line on show.
    shown: Option<String>,
    number: usize,
}

impl Building {
    /// Starts to listen to the cargo of a workplace, in a thread that lives as long as the kernel. Without a
    /// socket there is no line, and everything else works.
    pub fn listen(workplace: &Path, output: Arc<CellOutput>) -> Arc<Building> {
        let building = Arc::new(Building { state: Mutex::default(), output });
        let socket = UnixDatagram::bind(sockets::path(workplace, sockets::PROGRESS));
        if let Ok(socket) = socket
            && socket.set_read_timeout(Some(TICK)).is_ok()
        {
            let listening = building.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 512];
                loop {
                    let heard = socket.recv(&mut buffer).ok().map(|length| &buffer[..length]);
                    listening.hear(heard.and_then(|line| std::str::from_utf8(line).ok()));
                }
            });
        }
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

    /// The cell has ended. If its crates were not told to be ready, they are not.
    pub fn end(&self) {
        if let Some(build) = lock(&self.state).take()
            && build.shown.is_some()
        {
            let text = format!("{} could not be brought ({})", build.asked.join(", "), build.time());
            self.show(build, text);
        }
    }

    /// Hears what cargo does, or that some time has passed.
    pub fn hear(&self, line: Option<&str>) {
        let mut state = lock(&self.state);
        let Some(mut build) = state.take() else { return };
        match line {
            Some(front::READY) => {
                if build.shown.is_some() || !build.crates.is_empty() {
                    let text = build.ready();
                    self.show(build, text);
                }
                return;
            }
            Some(line) => build.crates.extend(compiled(line)),
            None => {}
        }
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

/// The crate and the version in a line of cargo's: `Compiling serde v1.0.2 (/somewhere)`.
fn compiled(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    let (name, version) = (words.nth(1)?, words.next()?);
    Some((name.to_owned(), version.trim_start_matches('v').to_owned()))
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
        build.crates.extend(compiled("   Compiling serde-x v1.0.2 (/a/b)"));
        assert_eq!(build.going_on(), "Compiling serde-x 1.0.2… 0 s");
        assert_eq!(build.ready(), "serde-x 1.0.2, regex are ready (0.0 s)");
    }
}
