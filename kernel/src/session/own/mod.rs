//! A session on the engine of this workspace, which is to take the place of evcxr.
//!
//! The engine compiles a cell into an object, the cell process loads and runs it. Everything that the process prints
//! and shows comes over the wire ([`link`](super::link)).

mod analysis;
mod commands;
mod compiler;
mod crates;

use super::building::Building;
use super::engine::{Job, refuse};
use super::last_expression::with_code_hash;
use super::link::{Happened, Link, Ran};
use super::magics::{Page, Translated};
use super::names::{Names, end_of_word, start_of_word};
use super::output::{Cell, CellOutput};
use super::report::{self, Cells, Failure};
use super::text::{byte_offset, code_points};
use super::workplace::Workplace;
use super::{Completions, Match, Outcome, calls, lock, magics};
use crate::dependencies;
use crate::runtime;
use crate::toolchain::front;
use crate::wire::{End, Kind, MimeBundle, Run};
use analysis::Analysis;
use commands::{Command, Settings};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use threadbook_engine::{
    Cache, Compiled, Compiler, Crates, Engine, Progress, Ran as EngineRan, Request, Source,
};

/// The variable that chooses this engine, with the value `own`.
const VARIABLE: &str = "THREADBOOK_ENGINE";

/// The variable that names the directory of the cache of objects. Empty, it switches the cache off.
const CACHE: &str = "THREADBOOK_CACHE";

/// What every cell has without asking. The macros are named because from a glob they would be ambiguous with those
/// of the standard library.
const PRELUDE: &str = "use ::threadbook::prelude::*;\n\
                       use ::threadbook::{dbg, eprint, eprintln, print, println};\n";

/// The directory of the session's objects, in its workplace.
const OBJECTS: &str = "objects";

/// What starts the process of the cells, in its environment.
const IS_RUNTIME: (&str, &str) = ("EVCXR_IS_RUNTIME", "1");

/// How long the process of the cells may take to end.
const END_TIMEOUT: Duration = Duration::from_millis(800);

/// Whether sessions are to have this engine.
pub fn is_chosen() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| value == "own")
}

/// Builds the crates that the cells of every session can name.
pub fn prepare(workplace: &Workplace) -> anyhow::Result<()> {
    crates::forget_base(workplace);
    crates::open(workplace, &mut |_| {}).map(drop)
}

/// See the module's documentation.
pub struct Session {
    workplace: Workplace,
    link: Arc<Link>,
    output: Arc<CellOutput>,
    names: Arc<Names>,
    /// The cells so far, to find places in.
    cells: Arc<Mutex<Cells>>,
    settings: Settings,
    building: Arc<Building>,
    /// Those that cells can name, if the prepared directory has them.
    crates: Option<Crates>,
    /// The arguments of rustc that have nothing to do with crates.
    options: Vec<String>,
    analysis: Analysis,
    /// Whether a cell has named tokio or awaited, so that cells run within the runtime.
    in_runtime: bool,
}

impl Session {
    pub fn new(
        workplace: Workplace,
        link: Arc<Link>,
        output: Arc<CellOutput>,
        names: Arc<Names>,
        cells: Arc<Mutex<Cells>>,
    ) -> Session {
        let building = Building::listen(workplace.directory(), output.clone());
        Session {
            workplace,
            link,
            output,
            names,
            cells,
            settings: Settings::default(),
            building,
            crates: None,
            options: Vec::new(),
            analysis: Analysis::default(),
            in_runtime: false,
        }
    }

    /// Starts the process of the cells, then serves until no job can come any more.
    pub fn work(mut self, jobs: Receiver<Job>) {
        let (mut engine, process) = match self.start() {
            Ok(started) => started,
            Err(reason) => return refuse(&self.link, jobs, &format!("{reason:#}")),
        };
        for job in jobs {
            // A panic in the engine must not take the kernel along; dropping the answer tells the asker.
            if catch_unwind(AssertUnwindSafe(|| self.serve(&mut engine, &process, job))).is_err() {
                self.link.end_cell(false);
            }
        }
        end(&mut lock(&process));
    }

    fn start(&mut self) -> anyhow::Result<(Engine, Arc<Mutex<Child>>)> {
        match crates::are_prepared(&self.workplace) {
            true => self.crates = Some(crates::open(&self.workplace, &mut |_| {})?),
            false => self.workplace.reveal_companion(),
        }
        let process = Arc::new(Mutex::new(self.start_process()?));
        self.link.supervise(process.clone());
        let directory = self.workplace.directory().join(OBJECTS);
        std::fs::create_dir_all(&directory)?;
        let (prepared, tools) = (self.workplace.prepared(), self.workplace.tools());
        let compiler = match self.crates {
            Some(_) => {
                self.options = compiler::options(self.workplace.host(), &tools);
                Compiler { rustc: tools.join("rustc"), arguments: self.options.clone(), directory }
            }
            None => compiler::compiler(prepared, &tools, &directory)?,
        };
        let environment = format!("{}{}", self.workplace.environment(), compiler.arguments.join(" "));
        let externs = dependencies::FRIENDS.iter().chain([&dependencies::COMPANION]);
        let mut engine =
            Engine::new(compiler, PRELUDE.into(), externs.map(|name| (*name).to_owned()).collect());
        // Without a cache every cell is compiled, and everything else works.
        if let Some(cache) = cache_directory().and_then(|directory| Cache::open(&directory).ok()) {
            engine = engine.with_cache(cache, &environment);
        }
        if let Some(crates) = &self.crates {
            engine.set_crates(crates, self.options.clone(), PRELUDE, &[]);
        }
        Ok((engine, process))
    }

    fn start_process(&self) -> anyhow::Result<Child> {
        let mut command = self.workplace.runtime_command()?;
        if let Some(crates) = &self.crates {
            let standard = self.workplace.standard_libraries();
            command.env(runtime::LIBRARY_PATH, std::env::join_paths([&crates.libraries(), &standard])?);
            let companion = crates.libraries().join(format!("{DLL_PREFIX}threadbook{DLL_SUFFIX}"));
            command.env(runtime::COMPANION, companion);
        }
        command.env(IS_RUNTIME.0, IS_RUNTIME.1).stdin(Stdio::piped()).stdout(Stdio::null());
        let before = self.link.connected();
        let child = command.spawn()?;
        self.link.wait_for_supervisor(before);
        Ok(child)
    }

    fn serve(&mut self, engine: &mut Engine, process: &Mutex<Child>, job: Job) {
        match job {
            Job::Execute { code, cell, answer } => {
                let _ = answer.send(self.execute(engine, process, &code, cell));
            }
            Job::Complete { code, cursor, answer } => {
                let completions = self.complete(engine, &code, cursor);
                self.names.learn(&code, &completions);
                let _ = answer.send(completions);
            }
            Job::Inspect { code, cursor, answer } => {
                let _ = answer.send(self.inspect(engine, &code, cursor));
            }
        }
    }

    fn complete(&mut self, engine: &Engine, code: &str, cursor: usize) -> Completions {
        let offset = byte_offset(code, cursor);
        if let Some((start, matches)) = magics::complete(code, offset) {
            let matches = matches.into_iter().map(|text| Match { text, kind: "magic".into() }).collect();
            return Completions { matches, start: code_points(code, start), end: cursor };
        }
        if code[..offset].trim().is_empty() {
            return Completions { matches: Vec::new(), start: cursor, end: cursor };
        }
        let (text, shift) = engine.program(&magics::blanked(code));
        match self.analysis.complete(&text, shift + offset, &self.workplace) {
            Some(Completions { matches, start, end }) => Completions {
                matches,
                start: code_points(code, start.saturating_sub(shift)),
                end: code_points(code, end.saturating_sub(shift)),
            },
            None => self.names.complete(code, cursor),
        }
    }

    /// What is known of the word at `cursor`, or else of the function among whose arguments it stands.
    fn inspect(&mut self, engine: &Engine, code: &str, cursor: usize) -> Option<MimeBundle> {
        let code = &magics::blanked(code);
        let offset = byte_offset(code, cursor);
        let end = end_of_word(code, offset);
        let is_number = code[start_of_word(code, end)..].starts_with(|c: char| c.is_ascii_digit());
        let word = Some(end).filter(|_| !is_number);
        let (text, shift) = engine.program(code);
        let mut ends = word.into_iter().chain(calls::around(code, offset));
        let (plain, markdown) = ends.find_map(|end| {
            let at = start_of_word(code, end);
            (at < end).then(|| self.analysis.describe(&text, shift + at, &self.workplace))?
        })?;
        let mut html = String::new();
        pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(&markdown));
        let data = [("text/plain".to_owned(), plain.into()), ("text/html".to_owned(), html.into())];
        Some(data.into_iter().collect())
    }

    fn execute(
        &mut self,
        engine: &mut Engine,
        process: &Mutex<Child>,
        code: &str,
        cell: Box<Cell>,
    ) -> Outcome {
        let count = cell.count.value();
        let id = cell.parent.metadata.get("cellId").and_then(|id| id.as_str()).map(str::to_owned);
        if !self.link.begin_cell(&cell) {
            self.link.end_cell(false);
            return Outcome::Failed(Failure::interrupted_before_start());
        }
        if !self.workplace.directory().exists() {
            self.link.end_cell(false);
            return Outcome::Failed(Failure::no_workplace(self.workplace.directory()));
        }
        self.output.begin(*cell);
        self.names.learn_cell(code);
        let type_of = |name: &str| {
            let mut variables = engine.variables();
            variables.find(|(known, _)| *known == name).map(|(_, of)| of.to_owned())
        };
        let outcome = match magics::translate(code, type_of) {
            Ok(translated) => self.run(engine, process, code, translated, count, id),
            Err(misuse) => {
                self.link.end_cell(false);
                Err(Failure::misuse(&misuse))
            }
        };
        let result = self.output.end();
        outcome.map_or_else(Outcome::Failed, |pages| Outcome::Done { pages, result })
    }

    /// Runs what `cell` was translated to. Returns what it asks to read.
    fn run(
        &mut self,
        engine: &mut Engine,
        process: &Mutex<Child>,
        cell: &str,
        translated: Translated,
        count: usize,
        id: Option<String>,
    ) -> Result<Vec<MimeBundle>, Failure> {
        let Translated { code, mut steps, pages: asked } = translated;
        let (commands, mut code) = commands::split(&code);
        if let Some((hashed, places)) = with_code_hash(&code) {
            code = hashed;
            steps.push(places);
        }
        let mut pages = Vec::new();
        if let Err(failure) = self.bring(engine, &commands) {
            let happened = self.link.end_cell(false);
            return Err(report::ended(happened, cell, count, &lock(&self.cells)).unwrap_or(failure));
        }
        for command in commands.iter().filter(|command| command.dependency().is_none()) {
            match self.command(engine, command) {
                Ok(page) => pages.extend(page),
                Err(failure) => {
                    self.link.end_cell(false);
                    return Err(failure);
                }
            }
        }
        let serial = lock(&self.cells).add(count, cell, steps);
        let compiled = engine.compile(Source { serial, number: count, id, text: code.clone() });
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(refused) => {
                let happened = self.link.end_cell(false);
                if let Some(failure) = report::ended(happened, cell, count, &lock(&self.cells)) {
                    return Err(failure);
                }
                self.settings.last_error = refused.errors.first().and_then(|error| error.code.clone());
                return Err(report::refused(&refused.errors, &lock(&self.cells)));
            }
        };
        self.in_runtime |= code.contains("tokio") || code.contains(".await");
        for (name, ty) in &compiled.dropped {
            let line = format!("`{name}` was dropped, because `{ty}` was redefined.\n");
            self.output.stream(Kind::Stderr, line.as_bytes());
        }
        let (ran, happened) = self.carry_out(&compiled);
        let ended = match (ran, &happened.end) {
            (Ran::Gone, _) => {
                engine.restarted();
                if let Ok(child) = self.start_process() {
                    *lock(process) = child;
                }
                return Err(report::ended(happened, cell, count, &lock(&self.cells))
                    .unwrap_or_else(report::process_gone));
            }
            (Ran::NotAtAll, _) => EngineRan::NotAtAll,
            (Ran::Ended, None) => EngineRan::Completely,
            (Ran::Ended, Some(End::Returned { index })) => EngineRan::Returned(*index),
            (Ran::Ended, Some(End::Failed { .. } | End::Panicked)) => EngineRan::InPart,
        };
        engine.finish(compiled, ended);
        if let Some(failure) = report::ended(happened, cell, count, &lock(&self.cells)) {
            return Err(failure);
        }
        for page in asked {
            pages.push(self.page(engine, &page)?);
        }
        Ok(pages)
    }

    /// Brings the crates that a cell asks for.
    fn bring(&mut self, engine: &mut Engine, commands: &[Command]) -> Result<(), Failure> {
        let asked: Vec<_> = commands.iter().filter_map(Command::dependency).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let failed = |message: String| Failure::dependency(&message);
        let crates = self.crates.as_mut().ok_or_else(|| {
            failed(
                "the prepared directory was made for another engine: run `threadbook install` again".into(),
            )
        })?;
        let directory = std::env::current_dir().map_err(|error| failed(error.to_string()))?;
        let requests = asked.iter().map(|text| Request::parse(text, &directory));
        let requests = requests.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let lines: String = asked.iter().map(|text| format!(":dep {text}\n")).collect();
        self.building.begin(&lines);
        let building = &self.building;
        let added = crates.add(&requests, &mut |step| match step {
            Progress::Compiling { name, version } => {
                building.hear(Some(&format!("Compiling {name} v{version}")))
            }
            Progress::Linking => building.hear(Some(front::READY)),
            Progress::Waiting | Progress::Downloading => {}
        });
        self.building.end();
        let added = added.map_err(failed)?;
        for note in &added.notes {
            self.output.stream(Kind::Stderr, format!("{note}\n").as_bytes());
        }
        for (name, of) in engine.set_crates(crates, self.options.clone(), PRELUDE, &added.replaced) {
            let line = format!("`{name}` was dropped, because the crate `{of}` was compiled anew.\n");
            self.output.stream(Kind::Stderr, line.as_bytes());
        }
        Ok(())
    }

    /// Has the cell process run a compiled cell.
    fn carry_out(&self, compiled: &Compiled) -> (Ran, Happened) {
        let object = compiled.object.as_deref().map(|object| self.linked(object));
        if object.is_none() && compiled.to_drop.is_empty() {
            return (Ran::Ended, self.link.end_cell(false));
        }
        if let Some(object) = &object {
            lock(&self.cells).know(object, &compiled.lines);
        }
        let cell = Run {
            object,
            is_global: compiled.is_global,
            to_drop: compiled.to_drop.clone(),
            in_runtime: self.in_runtime,
        };
        let ran = self.link.run(cell);
        (ran, self.link.end_cell(ran == Ran::Gone))
    }

    /// A path to an object in the session's own directory, by which its lines are known.
    fn linked(&self, object: &Path) -> PathBuf {
        let own = self.workplace.directory().join(OBJECTS).join(object.file_name().unwrap_or_default());
        if own != object
            && !own.exists()
            && std::fs::hard_link(object, &own).or_else(|_| std::fs::copy(object, &own).map(drop)).is_err()
        {
            return object.to_owned();
        }
        own
    }

    fn command(&mut self, engine: &Engine, command: &Command) -> Result<Option<MimeBundle>, Failure> {
        if let Some(name) = command.asked_about() {
            return self.page(engine, &Page::About(name.to_owned())).map(Some);
        }
        let data = self
            .settings
            .answer(command, engine, &self.workplace)
            .map_err(|misuse| Failure::misuse(&misuse))?;
        if let Some(data) = data {
            self.output.result(data, MimeBundle::new());
        }
        Ok(None)
    }

    fn page(&mut self, engine: &Engine, page: &Page) -> Result<MimeBundle, Failure> {
        match page {
            Page::Table => Ok(magics::help()),
            Page::About(name) => self.inspect(engine, name, name.chars().count()).ok_or_else(|| {
                let help =
                    "Ask about a function, a type, a module, a macro or a variable by its name or its path.";
                Failure::misuse(&magics::Misuse::new(format!("nothing is known of `{name}`"), help))
            }),
        }
    }
}

/// Ends the process of the cells: it ends what cells have started when its standard input is closed.
fn end(process: &mut Child) {
    drop(process.stdin.take());
    let since = Instant::now();
    while since.elapsed() < END_TIMEOUT && matches!(process.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = process.kill();
    let _ = process.wait();
}

/// The directory of the cache; none if it is switched off.
fn cache_directory() -> Option<PathBuf> {
    match std::env::var_os(CACHE) {
        Some(path) if path.is_empty() => None,
        Some(path) => Some(path.into()),
        None => Some(dirs::cache_dir()?.join("threadbook").join("objects")),
    }
}
