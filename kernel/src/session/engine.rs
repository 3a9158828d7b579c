//! The engine: evcxr's evaluation context, in the thread that owns it.

use super::building::Building;
use super::calls;
use super::last_expression::Prepared;
use super::link::Link;
use super::magics::{self, Misuse, Page, Translated};
use super::names::{self, Names, end_of_word, start_of_word};
use super::output::{Cell, CellOutput};
use super::report::{self, Cells, Failure};
use super::text::{byte_offset, code_points};
use super::workplace::Workplace;
use super::{Completions, Match, Outcome, lock};
use crate::dependencies::{self, COMPANION, FRIENDS};
use crate::reading::crates::{Reading, without_remark};
use crate::reading::standard_library::Sources;
use crate::toolchain::standby::Standby;
use crate::wire::MimeBundle;
use evcxr::{CommandContext, EvalContext, EvalContextOutputs, EvalOutputs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

/// What the engine is asked to do.
pub enum Job {
    Execute { code: String, cell: Box<Cell>, answer: oneshot::Sender<Outcome> },
    Complete { code: String, cursor: usize, answer: oneshot::Sender<Completions> },
    Inspect { code: String, cursor: usize, answer: oneshot::Sender<Option<MimeBundle>> },
}

/// Asked for once when there is nothing else to do, so that the first `let` of a session does not have to wait
/// while rust-analyzer reads the standard library.
const WARM_UP: &str = "let words: Vec<String> = vec![1u64].iter().map(|n| n.to_string()).collect(); words.le";

/// Longer than the pause between two cells that a front end has sent at once.
const PAUSE: Duration = Duration::from_millis(200);

/// The engine's thread.
pub struct Engine {
    /// Ended before the workplace is.
    standby: Standby,
    workplace: Workplace,
    link: Arc<Link>,
    output: Arc<CellOutput>,
    names: Arc<Names>,
    building: Arc<Building>,
    reading: Reading,
    /// Whether a cell has used `.await`, so that there is a runtime.
    awaits: bool,
    /// What to find places in.
    cells: Arc<Mutex<Cells>>,
}

/// What every cell has without asking. The macros are named because from a glob they would be ambiguous with those
/// of the standard library.
const PRELUDE: &str = "use threadbook::prelude::*;\nuse threadbook::{dbg, eprint, eprintln, print, println};";

/// Makes the engine's code around an `.await` start a new runtime: the threads of the one in its store of
/// variables are gone, so it cannot even be dropped.
const FORGET_RUNTIME: &str = "std::mem::forget(evcxr_variable_store.take_variable::<std::sync::Arc<\
                              std::sync::Mutex<tokio::runtime::Runtime>>>(\"evcxr_tokio_runtime\"));";

impl Engine {
    pub fn new(
        workplace: Workplace,
        link: Arc<Link>,
        output: Arc<CellOutput>,
        names: Arc<Names>,
        cells: Arc<Mutex<Cells>>,
    ) -> Engine {
        let building = Building::listen(workplace.directory(), output.clone());
        let standby = Standby::listen(workplace.directory());
        Engine {
            standby,
            workplace,
            link,
            output,
            names,
            building,
            reading: Reading::default(),
            awaits: false,
            cells,
        }
    }

    /// Starts the evaluation context, then does what is asked until nobody can ask any more.
    pub fn work(mut self, jobs: Receiver<Job>) {
        let mut context = match start(&self.workplace, &self.reading) {
            Ok(context) => context,
            Err(reason) => return refuse(&self.link, jobs, &reason.to_string()),
        };
        self.link.supervise(context.process_handle());
        // The pause that is long enough to warm up in, until that is done.
        let mut pause = Some(Duration::ZERO);
        loop {
            let job = match pause {
                Some(pause) => jobs.recv_timeout(pause),
                None => jobs.recv().map_err(RecvTimeoutError::from),
            };
            match job {
                Ok(job) => {
                    pause = pause.and(Some(PAUSE));
                    // A panic in the engine must not take the kernel along; dropping the answer tells the asker.
                    if catch_unwind(AssertUnwindSafe(|| self.serve(&mut context, job))).is_err() {
                        self.link.end_cell(false);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    pause = None;
                    let _ = context.completions(WARM_UP, WARM_UP.len());
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn serve(&mut self, context: &mut CommandContext, job: Job) {
        match job {
            Job::Execute { code, cell, answer } => {
                let _ = answer.send(self.execute(context, &code, cell));
                self.standby.renew();
            }
            Job::Complete { code, cursor, answer } => {
                self.read(context, &code);
                let completions = complete(context, &code, cursor);
                self.names.learn(&code, &completions);
                let _ = answer.send(completions);
            }
            Job::Inspect { code, cursor, answer } => {
                self.read(context, &code);
                let _ = answer.send(inspect(context, &code, cursor));
            }
        }
    }

    fn execute(&mut self, context: &mut CommandContext, code: &str, cell: Box<Cell>) -> Outcome {
        let count = cell.count.value();
        if self.link.was_restored() && self.awaits {
            let _ = context.execute(FORGET_RUNTIME);
        }
        self.awaits |= code.contains(".await");
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
        let outcome = match translate(context, code) {
            Ok(translated) => self.run(context, code, translated, count),
            Err(misuse) => {
                self.link.end_cell(false);
                Outcome::Failed(Failure::misuse(&misuse))
            }
        };
        let result = self.output.end();
        match outcome {
            Outcome::Done { pages, .. } => Outcome::Done { pages, result },
            failed => failed,
        }
    }

    /// Runs what `cell` was translated to, and collects what it asks to read.
    fn run(
        &mut self,
        context: &mut CommandContext,
        cell: &str,
        translated: Translated,
        count: usize,
    ) -> Outcome {
        let Translated { code, steps, pages: asked } = translated;
        let code = dependencies::without_loaded(&code, self.workplace.companion());
        let mut prepared = Prepared::new(code.as_deref().unwrap_or_default(), steps);
        let result = match &code {
            Ok(code) => {
                self.building.begin(code);
                lock(&self.cells).begin(count, cell, &prepared.code);
                let result = self.evaluate(context, code, &mut prepared);
                self.building.end();
                result
            }
            Err(reason) => Err(evcxr::Error::Message(reason.clone())),
        };
        let happened = self.link.end_cell(matches!(result, Err(evcxr::Error::SubprocessTerminated(_))));
        if happened.interrupted && result.is_err() {
            self.workplace.forget_half_compiled();
        }
        let mut pages = Vec::new();
        if let Ok(outputs) = &result
            && !outputs.is_empty()
        {
            // What evcxr's own commands (`:vars`, `:doc`) have to say.
            let data = outputs.content_by_mime_type.iter();
            let data: MimeBundle =
                data.map(|(mime, text)| (mime.clone(), without_remark(text).into())).collect();
            if asks_to_read(cell) {
                pages.push(data);
            } else {
                self.output.result(data, MimeBundle::new());
            }
        }
        let failure = report::failure(result.err(), happened, cell, &prepared, count, &lock(&self.cells));
        if let Some(failure) = failure {
            return Outcome::Failed(failure);
        }
        lock(&self.cells).keep();
        for page in asked {
            match self.page(context, page) {
                Ok(page) => pages.push(page),
                Err(misuse) => return Outcome::Failed(Failure::misuse(&misuse)),
            }
        }
        Outcome::Done { pages, result: None }
    }

    fn page(&mut self, context: &mut CommandContext, page: Page) -> Result<MimeBundle, Misuse> {
        let name = match page {
            Page::Table => return Ok(magics::help()),
            Page::About(name) => name,
        };
        self.read(context, &name);
        inspect(context, &name, name.chars().count()).ok_or_else(|| {
            let help =
                "Ask about a function, a type, a module, a macro or a variable by its name or its path.";
            Misuse::new(format!("nothing is known of `{name}`"), help)
        })
    }

    /// Evaluates `code`, in the form that was prepared if the compiler accepts that.
    fn evaluate<'a>(
        &mut self,
        context: &mut CommandContext,
        code: &'a str,
        prepared: &mut Prepared<'a>,
    ) -> Result<EvalOutputs, evcxr::Error> {
        self.read(context, code);
        let mut result = context.execute(&prepared.code);
        // In both cases, nothing has been run yet.
        if result.as_ref().is_err_and(is_unknown_type) && self.reading != Reading::All {
            // Perhaps the type is in a crate that nobody has named.
            self.reading = Reading::All;
            self.read_again(context);
            result = context.execute(&prepared.code);
        }
        if result.as_ref().is_err_and(|error| prepared.is_to_blame(error)) {
            prepared.show_nothing(code);
            result = context.execute(code);
        }
        result
    }

    /// Has rust-analyzer read the crates that `code` names, if it has not yet.
    fn read(&mut self, context: &mut CommandContext, code: &str) {
        if self.reading.add_named(code, &FRIENDS) {
            self.read_again(context);
        }
    }

    fn read_again(&self, context: &mut CommandContext) {
        let companion = dependencies::companion_at(self.workplace.companion(), &self.reading);
        // The companion's line in the manifest says what is to be read; nothing else happens.
        let _ = context.execute(&format!(":dep {COMPANION} = {companion}"));
    }
}

/// Answers everything with the reason why there is no engine.
pub fn refuse(link: &Link, jobs: Receiver<Job>, reason: &str) {
    eprintln!("threadbook: {reason}");
    for job in jobs {
        if let Job::Execute { cell, answer, .. } = job {
            link.begin_cell(&cell);
            link.end_cell(false);
            let _ = answer.send(Outcome::Failed(Failure::no_engine(reason)));
        }
    }
}

/// Whether rust-analyzer does not know the type of a variable.
fn is_unknown_type(error: &evcxr::Error) -> bool {
    let evcxr::Error::Message(reason) = error else { return false };
    reason.contains("Couldn't automatically determine type")
}

fn translate<'a>(context: &CommandContext, code: &'a str) -> Result<Translated<'a>, Misuse> {
    let type_of = |name: &str| {
        let mut variables = context.variables_and_types();
        variables.find(|(known, _)| *known == name).map(|(_, of)| of.to_owned())
    };
    magics::translate(code, type_of)
}

/// Whether a cell is a question about the language, and nothing else.
fn asks_to_read(code: &str) -> bool {
    let code = code.trim();
    !code.contains('\n') && (code.starts_with(":doc "))
}

fn complete(context: &mut CommandContext, code: &str, cursor: usize) -> Completions {
    let offset = byte_offset(code, cursor);
    if let Some((start, matches)) = magics::complete(code, offset) {
        let matches = matches.into_iter().map(|text| Match { text, kind: "magic".into() }).collect();
        return Completions { matches, start: code_points(code, start), end: cursor };
    }
    let code = &magics::blanked(code);
    match context.completions(code, offset) {
        Ok(found) => {
            let offered = found.completions.into_iter();
            let mut matches: Vec<_> =
                offered.map(|found| Match { text: found.code, kind: found.kind.into() }).collect();
            matches.sort();
            matches.dedup();
            Completions {
                matches,
                // The engine is off by one in places; what is replaced is never less than the word.
                start: code_points(code, found.start_offset.min(start_of_word(code, offset))),
                end: code_points(code, found.end_offset),
            }
        }
        Err(_) => Completions { matches: Vec::new(), start: cursor, end: cursor },
    }
}

/// What is known of the word at `cursor`, or else of the function among whose arguments it stands.
fn inspect(context: &mut CommandContext, code: &str, cursor: usize) -> Option<MimeBundle> {
    let code = &magics::blanked(code);
    let offset = byte_offset(code, cursor);
    let end = end_of_word(code, offset);
    let is_number = code[start_of_word(code, end)..].starts_with(|c: char| c.is_ascii_digit());
    let word = Some(end).filter(|_| !is_number);
    word.into_iter().chain(calls::around(code, offset)).find_map(|end| hover(context, code, end))
}

fn hover(context: &mut CommandContext, code: &str, end: usize) -> Option<MimeBundle> {
    let (plain, html) = context.hover_at(code, end).ok()?;
    let found = !plain.is_empty() && plain != "No documentation found";
    found.then(|| {
        [("text/plain".to_owned(), plain.into()), ("text/html".to_owned(), html.into())].into_iter().collect()
    })
}

/// Starts an evaluation context in a workplace, with the companion loaded.
fn start(workplace: &Workplace, reading: &Reading) -> anyhow::Result<CommandContext> {
    let error = |error: evcxr::Error| anyhow::anyhow!("The Rust engine did not start: {error}");
    workplace.forget_stale_answers();
    let (mut context, outputs) =
        EvalContext::with_subprocess_command(workplace.runtime_command()?).map_err(error)?;
    discard(outputs);
    workplace.show_sources(Sources::Lean)?;
    // Starting has pruned the lock file: nothing was asked for yet.
    workplace.write_lock_file()?;
    let mut state = context.state();
    for (name, specification) in dependencies::all(workplace.companion(), reading)? {
        state.add_dep(name, &specification).map_err(error)?;
    }
    context.eval_with_state(PRELUDE, state).map_err(error)?;
    workplace.reveal_companion();
    Ok(CommandContext::with_eval_context(context))
}

/// What evcxr reads from the supervisor's own streams is for nobody: outputs come over the wire.
fn discard(outputs: EvalContextOutputs) {
    for lines in [outputs.stdout, outputs.stderr] {
        std::thread::spawn(move || lines.into_iter().for_each(|line| eprintln!("threadbook: {line}")));
    }
}

/// Builds everything that a session needs into `workplace`, by starting one in it.
pub fn prepare(workplace: &Workplace) -> anyhow::Result<()> {
    let listener = workplace.listener();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    let mut context = start(workplace, &Reading::default())?;
    let prelude = "threadbook::prelude::";
    let names = complete(&mut context, prelude, prelude.len()).matches;
    names::write_prelude(workplace.directory(), &names)?;
    if super::own::is_chosen() {
        super::own::prepare(workplace)?;
    }
    workplace.copy_sources()
}
