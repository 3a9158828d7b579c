//! The thread of the engine: it compiles cells, and has the cell process run them.
//!
//! It tells the session's loop each step of a cell ([`EngineLink`]), and waits for the loop at the end of a cell. The
//! outputs of cells do not pass through here.

mod commands;
mod crates;
mod linker;
mod options;
mod process;

use super::analysis::{self, Analysis};
use super::code_hash::with_code_hash;
use super::dependency_progress::crate_names;
use super::engine_link::EngineLink;
use super::event::{Cell, CellEvents, CellJob, DependencyStep, RunEnd};
use super::lock::lock;
use super::magics::{self, HelpPage, Translated};
use super::reply::ExecuteOutcome;
use super::report::{self, Cells, Failure};
use super::workspace::SessionWorkspace;
use commands::{CellCommand, Settings};
use process::SupervisorProcess;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use threadbook_engine::{
    Cache, Compiled, Compiler, Crates, Engine, Interrupt, Progress, Ran as EngineRan, Request, Source,
};
use threadbook_wire::{CellEnd, MimeBundle, RunCell};

/// The variable that names the directory of the cache of objects. Empty, it switches the cache off.
const CACHE: &str = "THREADBOOK_CACHE";

/// The imports of every cell. The macros are named because from a glob they would be ambiguous with those
/// of the standard library.
const PRELUDE: &str = "use ::threadbook::prelude::*;\n\
                       use ::threadbook::{dbg, eprint, eprintln, print, println};\n";

/// The directory of the session's objects, in its workspace.
const OBJECTS: &str = "objects";

/// Builds the crates that the cells of every session can name.
///
/// # Errors
///
/// The message of cargo.
pub fn prepare(workspace: &SessionWorkspace) -> anyhow::Result<()> {
    crates::forget_base(workspace);
    crates::open(workspace, &Interrupt::default())?;
    workspace.copy_sources()
}

/// See the module's documentation.
pub struct Evaluator {
    workspace: SessionWorkspace,
    link: EngineLink,
    analysis: Analysis,
    /// The cells so far, to find places in.
    cells: Arc<Mutex<Cells>>,
    settings: Settings,
    /// The arguments of rustc that have nothing to do with crates.
    options: Vec<String>,
    /// Whether a cell has named tokio or awaited, so that cells run within the runtime.
    in_runtime: bool,
}

/// The engine, the crates and the process of a session.
struct Running {
    engine: Engine,
    /// Those that cells can name.
    crates: Crates,
    process: SupervisorProcess,
}

impl Evaluator {
    pub fn new(
        workspace: SessionWorkspace,
        link: EngineLink,
        analysis: Analysis,
        cells: Arc<Mutex<Cells>>,
    ) -> Evaluator {
        Evaluator {
            workspace,
            link,
            analysis,
            cells,
            settings: Settings::default(),
            options: Vec::new(),
            in_runtime: false,
        }
    }

    /// Starts the process of the cells, then serves until no job can come any more.
    pub fn work(mut self, jobs: Receiver<CellJob>) {
        let mut running = match self.start() {
            Ok(running) => running,
            Err(reason) => return refuse(&self.link, jobs, &format!("{reason:#}")),
        };
        for job in jobs {
            // A panic in the engine must not end the kernel. The dropped answer is the cell's failure.
            let CellJob { code, cell, answer } = job;
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
        let crates = crates::open(&self.workspace, &interrupt)?;
        let directory = self.workspace.directory().join(OBJECTS);
        std::fs::create_dir_all(&directory)?;
        let tools = self.workspace.tools();
        self.options = options::options(self.workspace.host(), &tools);
        let compiler = Compiler { rustc: tools.join("rustc"), arguments: self.options.clone(), directory };
        let environment = format!("{}{}", self.workspace.environment(), self.options.join(" "));
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
        let process = SupervisorProcess::start(&self.workspace, &crates, &self.link)?;
        Ok(Running { engine, crates, process })
    }

    fn execute(&mut self, running: &mut Running, code: &str, cell: Box<Cell>) -> ExecuteOutcome {
        let count = cell.count.value();
        let id = cell.parent.metadata.get("cellId").and_then(|id| id.as_str()).map(str::to_owned);
        if !self.link.begin_cell(&cell) {
            self.link.end_cell(false);
            return ExecuteOutcome::Failed(Failure::interrupted_before_start());
        }
        if !self.workspace.directory().exists() {
            self.link.end_cell(false);
            return ExecuteOutcome::Failed(Failure::no_workspace(self.workspace.directory()));
        }
        self.link.begin_output(cell);
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
        let result = self.link.end_output();
        outcome.map_or_else(ExecuteOutcome::Failed, |pages| ExecuteOutcome::Done { pages, result })
    }

    /// Runs a translated cell. Returns the pages that it asks for.
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
            let events = self.link.end_cell(false);
            return Err(report::ended(events, cell, count, &lock(&self.cells)).unwrap_or(failure));
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
                let events = self.link.end_cell(false);
                if let Some(failure) = report::ended(events, cell, count, &lock(&self.cells)) {
                    return Err(failure);
                }
                self.settings.last_error = refused.errors.first().and_then(|error| error.code.clone());
                return Err(report::refused(&refused.errors, &lock(&self.cells)));
            }
        };
        self.in_runtime |= code.contains("tokio") || code.contains(".await");
        for (name, ty) in &compiled.dropped {
            let line = format!("`{name}` was dropped, because `{ty}` was redefined.\n");
            self.link.print_stderr(line);
        }
        if let Some(warnings) = report::warnings(&compiled.warnings, &lock(&self.cells)) {
            self.link.display(warnings);
        }
        let (ran, events) = self.carry_out(&compiled);
        let ended = match (ran, &events.end) {
            (RunEnd::Gone, _) => {
                engine.restarted();
                if let Err(error) = process.restart(&self.workspace, crates) {
                    eprintln!("threadbook: the process of the cells cannot be started: {error:#}");
                }
                return Err(report::ended(events, cell, count, &lock(&self.cells))
                    .unwrap_or_else(report::process_gone));
            }
            (RunEnd::NotAtAll, _) => EngineRan::NotAtAll,
            (RunEnd::Ended, None) => EngineRan::Completely,
            (RunEnd::Ended, Some(CellEnd::Returned { index })) => EngineRan::Returned(*index),
            (RunEnd::Ended, Some(CellEnd::Failed { .. } | CellEnd::Panicked)) => EngineRan::InPart,
        };
        engine.finish(compiled, ended);
        if let Some(failure) = report::ended(events, cell, count, &lock(&self.cells)) {
            return Err(failure);
        }
        for page in asked {
            pages.push(self.page(&page)?);
        }
        Ok(pages)
    }

    /// Brings the crates that a cell asks for.
    fn bring(&mut self, running: &mut Running, commands: &[CellCommand]) -> Result<(), Failure> {
        let asked: Vec<_> = commands.iter().filter_map(CellCommand::dependency).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let Running { engine, crates, .. } = running;
        let failed = |message: String| report::dependency(&message);
        let directory = std::env::current_dir().map_err(|error| failed(error.to_string()))?;
        let requests = asked.iter().map(|text| Request::parse(text, &directory));
        let requests = requests.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let link = &self.link;
        link.dependencies(DependencyStep::Begin(crate_names(&asked)));
        let added = crates.add(&requests, &mut |step| match step {
            Progress::Compiling { name, version } => {
                let (name, version) = (name.to_owned(), version.to_owned());
                link.dependencies(DependencyStep::Compiling { name, version });
            }
            Progress::Linking => link.dependencies(DependencyStep::Ready),
            Progress::Waiting | Progress::Downloading => {}
        });
        link.dependencies(DependencyStep::End);
        let added = added.map_err(failed)?;
        if analysis::write_project(&self.workspace, crates.requested()).is_ok() {
            self.analysis.reload();
        }
        for note in &added.notes {
            self.link.print_stderr(format!("{note}\n"));
        }
        for (name, of) in engine.set_crates(crates, self.options.clone(), PRELUDE, &added.replaced) {
            let line = format!("`{name}` was dropped, because the crate `{of}` was compiled anew.\n");
            self.link.print_stderr(line);
        }
        Ok(())
    }

    /// Has the cell process run a compiled cell.
    fn carry_out(&self, compiled: &Compiled) -> (RunEnd, CellEvents) {
        let object = compiled.object.as_deref().map(|object| self.linked(object));
        if object.is_none() && compiled.to_drop.is_empty() && compiled.to_forget.is_empty() {
            return (RunEnd::Ended, self.link.end_cell(false));
        }
        if let Some(object) = &object {
            lock(&self.cells).know(object, &compiled.lines);
        }
        let cell = RunCell {
            object,
            is_global: compiled.is_global,
            to_drop: compiled.to_drop.clone(),
            to_forget: compiled.to_forget.clone(),
            in_runtime: self.in_runtime,
        };
        let ran = self.link.run(cell);
        (ran, self.link.end_cell(ran == RunEnd::Gone))
    }

    /// A path to an object in the session's own directory, by which its lines are known.
    fn linked(&self, object: &Path) -> PathBuf {
        let own = self.workspace.directory().join(OBJECTS).join(object.file_name().unwrap_or_default());
        if own != object
            && !own.exists()
            && std::fs::hard_link(object, &own).or_else(|_| std::fs::copy(object, &own).map(drop)).is_err()
        {
            return object.to_owned();
        }
        own
    }

    fn command(&mut self, engine: &Engine, command: &CellCommand) -> Result<Option<MimeBundle>, Failure> {
        if let Some(name) = command.asked_about() {
            return self.page(&HelpPage::About(name.to_owned())).map(Some);
        }
        let data = self
            .settings
            .answer(command, engine, &self.workspace)
            .map_err(|misuse| Failure::misuse(&misuse))?;
        if let Some(data) = data {
            self.link.show_result(data);
        }
        Ok(None)
    }

    fn page(&self, page: &HelpPage) -> Result<MimeBundle, Failure> {
        match page {
            HelpPage::Table => Ok(magics::help()),
            HelpPage::About(name) => self.analysis.explain(name).ok_or_else(|| {
                let help =
                    "Ask about a function, a type, a module, a macro or a variable by its name or its path.";
                Failure::misuse(&magics::Misuse::new(format!("nothing is known of `{name}`"), help))
            }),
        }
    }
}

/// Fails each cell with the reason why there is no engine.
pub fn refuse(link: &EngineLink, jobs: Receiver<CellJob>, reason: &str) {
    eprintln!("threadbook: {reason}");
    for job in jobs {
        link.begin_cell(&job.cell);
        link.end_cell(false);
        let _ = job.answer.send(ExecuteOutcome::Failed(Failure::no_engine(reason)));
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
