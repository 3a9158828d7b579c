//! The thread in which a session works: it compiles cells with the engine and has the process of the cells run them.
//!
//! All that the process prints and shows comes over the wire ([`link`](super::link)).

mod commands;
mod crates;
mod linker;
mod options;
mod process;

use super::analysis::{self, Analysis};
use super::building::Building;
use super::code_hash::with_code_hash;
use super::jobs::{Job, refuse};
use super::link::{Happened, Link, Ran};
use super::magics::{Page, Translated};
use super::output::{Cell, CellOutput};
use super::report::{self, Cells, Failure};
use super::workplace::Workplace;
use super::{Outcome, lock, magics};
use crate::wire::{End, Kind, MimeBundle, Run};
use commands::{Command, Settings};
use process::Process;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use threadbook_engine::{
    Cache, Compiled, Compiler, Crates, Engine, Interrupt, Progress, Ran as EngineRan, Request, Source,
};

/// The variable that names the directory of the cache of objects. Empty, it switches the cache off.
const CACHE: &str = "THREADBOOK_CACHE";

/// What every cell has without asking. The macros are named because from a glob they would be ambiguous with those
/// of the standard library.
const PRELUDE: &str = "use ::threadbook::prelude::*;\n\
                       use ::threadbook::{dbg, eprint, eprintln, print, println};\n";

/// The directory of the session's objects, in its workplace.
const OBJECTS: &str = "objects";

/// Builds the crates that the cells of every session can name.
///
/// # Errors
///
/// The message of cargo.
pub fn prepare(workplace: &Workplace) -> anyhow::Result<()> {
    crates::forget_base(workplace);
    crates::open(workplace, &Interrupt::default())?;
    workplace.copy_sources()
}

/// See the module's documentation.
pub struct Evaluator {
    workplace: Workplace,
    link: Arc<Link>,
    output: Arc<CellOutput>,
    analysis: Analysis,
    /// The cells so far, to find places in.
    cells: Arc<Mutex<Cells>>,
    settings: Settings,
    building: Arc<Building>,
    /// The arguments of rustc that have nothing to do with crates.
    options: Vec<String>,
    /// Whether a cell has named tokio or awaited, so that cells run within the runtime.
    in_runtime: bool,
}

/// What the cells of a session run on.
struct Running {
    engine: Engine,
    /// Those that cells can name.
    crates: Crates,
    process: Process,
}

impl Evaluator {
    pub fn new(
        workplace: Workplace,
        link: Arc<Link>,
        output: Arc<CellOutput>,
        analysis: Analysis,
        cells: Arc<Mutex<Cells>>,
    ) -> Evaluator {
        let building = Building::new(output.clone());
        Evaluator {
            workplace,
            link,
            output,
            analysis,
            cells,
            settings: Settings::default(),
            building,
            options: Vec::new(),
            in_runtime: false,
        }
    }

    /// Starts the process of the cells, then serves until no job can come any more.
    pub fn work(mut self, jobs: Receiver<Job>) {
        let mut running = match self.start() {
            Ok(running) => running,
            Err(reason) => return refuse(&self.link, jobs, &format!("{reason:#}")),
        };
        for job in jobs {
            // A panic in the engine must not take the kernel along; the asker hears of it when its answer is dropped.
            let Job { code, cell, answer } = job;
            match catch_unwind(AssertUnwindSafe(|| self.execute(&mut running, &code, cell))) {
                Ok(outcome) => {
                    self.analysis.set_program(running.engine.program());
                    let _ = answer.send(outcome);
                    running.engine.prepare_next();
                }
                Err(_) => drop(self.link.end_cell(false)),
            }
        }
    }

    fn start(&mut self) -> anyhow::Result<Running> {
        let interrupt = self.link.compiler_interrupt();
        let crates = crates::open(&self.workplace, &interrupt)?;
        let directory = self.workplace.directory().join(OBJECTS);
        std::fs::create_dir_all(&directory)?;
        let tools = self.workplace.tools();
        self.options = options::options(self.workplace.host(), &tools);
        let compiler = Compiler { rustc: tools.join("rustc"), arguments: self.options.clone(), directory };
        let environment = format!("{}{}", self.workplace.environment(), self.options.join(" "));
        let mut engine = Engine::new(compiler, PRELUDE.into(), Vec::new()).with_interrupt(interrupt);
        // Without a cache every cell is compiled, and everything else works.
        match cache_directory().map(|directory| Cache::open(&directory)) {
            Some(Ok(cache)) => engine = engine.with_cache(cache, &environment),
            Some(Err(reason)) => eprintln!("threadbook: no compiled cells are kept: {reason}"),
            None => {}
        }
        engine.set_crates(&crates, self.options.clone(), PRELUDE, &[]);
        self.analysis.set_program(engine.program());
        // The compiler starts while the process of the cells does.
        engine.prepare_next();
        let process = Process::start(&self.workplace, &crates, &self.link)?;
        Ok(Running { engine, crates, process })
    }

    fn execute(&mut self, running: &mut Running, code: &str, cell: Box<Cell>) -> Outcome {
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
        self.analysis.learn_cell(code);
        let type_of = |name: &str| {
            let mut variables = running.engine.variables();
            variables.find(|(known, _)| *known == name).map(|(_, of)| of.to_owned())
        };
        let outcome = match magics::translate(code, type_of) {
            Ok(translated) => self.run(running, code, translated, count, id),
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
        running: &mut Running,
        cell: &str,
        translated: Translated,
        count: usize,
        id: Option<String>,
    ) -> Result<Vec<MimeBundle>, Failure> {
        let Translated { code, mut steps, pages: asked, explored } = translated;
        let (commands, mut code) = commands::split(&code);
        if let Some((hashed, places)) = with_code_hash(&code) {
            code = hashed;
            steps.push(places);
        }
        let mut pages = Vec::new();
        if let Err(failure) = self.bring(running, &commands) {
            let happened = self.link.end_cell(false);
            return Err(report::ended(happened, cell, count, &lock(&self.cells)).unwrap_or(failure));
        }
        let Running { engine, crates, process } = running;
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
        if self.link.was_restored() {
            engine.restored();
        }
        let source = Source { serial, number: count, id, text: code.clone() };
        let compiled = match &explored {
            Some(limits) => engine.compile_explored(source, limits),
            None => engine.compile(source),
        };
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
        if let Some(warnings) = report::warnings(&compiled.warnings, &lock(&self.cells)) {
            self.output.display(warnings, MimeBundle::new(), None);
        }
        let (ran, happened) = self.carry_out(&compiled);
        let ended = match (ran, &happened.end) {
            (Ran::Gone, _) => {
                engine.restarted();
                if let Err(error) = process.restart(&self.workplace, crates, &self.link) {
                    eprintln!("threadbook: the process of the cells cannot be started: {error:#}");
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
            pages.push(self.page(&page)?);
        }
        Ok(pages)
    }

    /// Brings the crates that a cell asks for.
    fn bring(&mut self, running: &mut Running, commands: &[Command]) -> Result<(), Failure> {
        let asked: Vec<_> = commands.iter().filter_map(Command::dependency).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let Running { engine, crates, .. } = running;
        let failed = |message: String| report::dependency(&message);
        let directory = std::env::current_dir().map_err(|error| failed(error.to_string()))?;
        let requests = asked.iter().map(|text| Request::parse(text, &directory));
        let requests = requests.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let lines: String = asked.iter().map(|text| format!(":dep {text}\n")).collect();
        self.building.begin(&lines);
        let building = &self.building;
        let added = crates.add(&requests, &mut |step| match step {
            Progress::Compiling { name, version } => building.compiles(name, version),
            Progress::Linking => building.is_ready(),
            Progress::Waiting | Progress::Downloading => {}
        });
        self.building.end();
        let added = added.map_err(failed)?;
        if analysis::write_project(&self.workplace, crates.requested()).is_ok() {
            self.analysis.reload();
        }
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
        if object.is_none() && compiled.to_drop.is_empty() && compiled.to_forget.is_empty() {
            return (Ran::Ended, self.link.end_cell(false));
        }
        if let Some(object) = &object {
            lock(&self.cells).know(object, &compiled.lines);
        }
        let cell = Run {
            object,
            is_global: compiled.is_global,
            to_drop: compiled.to_drop.clone(),
            to_forget: compiled.to_forget.clone(),
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
            return self.page(&Page::About(name.to_owned())).map(Some);
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

    fn page(&self, page: &Page) -> Result<MimeBundle, Failure> {
        match page {
            Page::Table => Ok(magics::help()),
            Page::About(name) => self.analysis.explain(name).ok_or_else(|| {
                let help =
                    "Ask about a function, a type, a module, a macro or a variable by its name or its path.";
                Failure::misuse(&magics::Misuse::new(format!("nothing is known of `{name}`"), help))
            }),
        }
    }
}

/// The directory of the cache of objects; none if it is switched off.
pub fn cache_directory() -> Option<PathBuf> {
    match std::env::var_os(CACHE) {
        Some(path) if path.is_empty() => None,
        Some(path) => Some(path.into()),
        None => Some(dirs::cache_dir()?.join("threadbook").join("objects")),
    }
}
