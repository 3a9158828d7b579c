//! rust-analyzer, with a project in it.

use crate::completion;
use crate::sources::Sources;
use crate::workspace::Workspace;
use ra_ap_hir::ChangeWithProcMacros;
use ra_ap_ide::{Analysis, AnalysisHost, Cancellable, FileId, FilePosition};
use ra_ap_ide_db::FxHashMap;
use ra_ap_vfs::{Change, Vfs, VfsPath};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// The maximum time that a cancelled question may take to end.
const CANCELLATION_TIMEOUT: Duration = Duration::from_secs(5);

/// The number of questions after which unused types are freed.
const QUESTIONS_PER_COLLECTION: usize = 50;

/// A function that makes rust-analyzer load most of the data that questions need: inference, the traits of
/// the standard library, and a macro. The position is that of the comment.
const WARM_UP: &str = "\nfn threadbook_warm_up() { let words: Vec<String> = vec![1u64].iter().map(|n| \
                       n.to_string()).collect(); println!(\"{}\", words.len()); words.le/**/ }\n";

/// A project in rust-analyzer.
pub struct Project {
    workspace: Workspace,
    host: AnalysisHost,
    vfs: Vfs,
    /// `src/lib.rs`, once the project is loaded.
    file: Option<FileId>,
    text: String,
    questions: usize,
}

/// The reason why there is no answer.
pub enum Unanswered {
    /// The deadline has passed.
    Late,
    /// rust-analyzer panicked, or no thread could be spawned.
    Panicked,
}

impl Project {
    /// A project that is not loaded yet.
    pub fn new(workspace: Workspace) -> Project {
        let (host, vfs) = (AnalysisHost::default(), Vfs::default());
        Project { workspace, host, vfs, file: None, text: String::new(), questions: 0 }
    }

    /// The project from which this one is loaded.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Whether crates have to be read before a question about `text`.
    pub fn must_read(&mut self, text: &str) -> bool {
        self.workspace.read_named(text)
    }

    /// Whether the project can answer questions.
    pub fn is_loaded(&self) -> bool {
        self.file.is_some()
    }

    /// Loads the project, or loads it again. If that fails, it stays unchanged.
    ///
    /// # Errors
    ///
    /// cargo or rustc fails, or the project has no `src/lib.rs`.
    pub fn load(&mut self) -> anyhow::Result<()> {
        let workspace = self.workspace.load()?;
        let sources = Sources::new(&workspace, self.workspace.directory());
        sources.read(&mut self.vfs);
        let path = VfsPath::from(self.workspace.source_file());
        let Some((file, _)) = self.vfs.file_id(&path) else { anyhow::bail!("{path} cannot be read") };
        let mut change = ChangeWithProcMacros::default();
        for (id, file) in self.vfs.take_changes() {
            if let Change::Create(text, _) | Change::Modify(text, _) = file.change {
                change.change_file(id, String::from_utf8(text).ok());
            }
        }
        change.set_roots(sources.partition(&self.vfs));
        let mut find = |path: &ra_ap_paths::AbsPath| {
            self.vfs.file_id(&VfsPath::from(path.to_path_buf())).map(|(id, _)| id)
        };
        let (graph, _) = workspace.to_crate_graph(&mut find, &FxHashMap::default());
        change.set_crate_graph(graph);
        self.host.apply_change(change);
        self.file = Some(file);
        self.warm_up();
        Ok(())
    }

    /// Answers a question about the text in the file, and one about [`WARM_UP`], so that the next ones are fast.
    fn warm_up(&mut self) {
        let mut text = std::fs::read_to_string(self.workspace.source_file()).unwrap_or_default();
        text.push_str(WARM_UP);
        let Some(offset) = text.rfind("/**/") else { return };
        let position = self.set_text(text, offset);
        let analysis = self.host.analysis();
        // The result does not matter. A question that panics here has an empty answer later.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _ = completion::complete(&analysis, &self.text, position);
            let _ = completion::complete(&analysis, &self.text, at_the_last_word(position, &self.text));
        }));
    }

    /// Makes `text` the text of the project.
    pub fn set_text(&mut self, text: String, offset: usize) -> FilePosition {
        let file_id = self.file.expect("the project is loaded");
        if text != self.text {
            let mut change = ChangeWithProcMacros::default();
            change.change_file(file_id, Some(text.clone()));
            self.host.apply_change(change);
            self.text = text;
        }
        FilePosition { file_id, offset: (offset as u32).into() }
    }

    /// Runs a question in a thread of its own.
    ///
    /// # Errors
    ///
    /// There is no answer before the deadline, or rust-analyzer panics. In the first case, the caller has to
    /// [cancel](Project::cancel) the question.
    pub fn ask<T: Send + 'static>(
        &mut self,
        deadline: Instant,
        question: impl FnOnce(&Analysis, &str) -> Cancellable<T> + Send + 'static,
    ) -> Result<T, Unanswered> {
        self.questions += 1;
        let (analysis, text) = (self.host.analysis(), self.text.clone());
        let (sender, answer) = mpsc::channel();
        let work = move || {
            if let Ok(found) = question(&analysis, &text) {
                let _ = sender.send(found);
            }
        };
        thread::Builder::new().name("question".into()).spawn(work).map_err(|_| Unanswered::Panicked)?;
        answer.recv_timeout(deadline.saturating_duration_since(Instant::now())).map_err(|error| match error {
            RecvTimeoutError::Timeout => Unanswered::Late,
            RecvTimeoutError::Disconnected => Unanswered::Panicked,
        })
    }

    /// Cancels the question that is late, and waits for its end. Ends the process if it does not end.
    pub fn cancel(&mut self) {
        let (ended, end) = mpsc::channel::<()>();
        thread::spawn(move || {
            if end.recv_timeout(CANCELLATION_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
                eprintln!(
                    "threadbook-analysis: rust-analyzer does not end a question, so this process ends."
                );
                std::process::exit(1);
            }
        });
        self.host.trigger_cancellation();
        drop(ended);
    }

    /// Frees memory from time to time. To be called when no answer is pending.
    pub fn tidy(&mut self) {
        if self.questions >= QUESTIONS_PER_COLLECTION {
            self.questions = 0;
            self.host.trigger_garbage_collection();
        }
    }

    /// Loads the project in a thread of its own, which sends it back, with the reason if that fails.
    pub fn load_in_background(mut self) -> mpsc::Receiver<(Project, anyhow::Result<()>)> {
        let (sender, loaded) = mpsc::channel();
        let work = move || {
            let result = self.load();
            let _ = sender.send((self, result));
        };
        let thread = thread::Builder::new().name("loading".into()).spawn(work);
        thread.expect("a thread can be started");
        loaded
    }
}

/// The position before the word that ends at `position`, where any name is possible.
fn at_the_last_word(position: FilePosition, text: &str) -> FilePosition {
    let before = text[..usize::from(position.offset)].rfind("words").unwrap_or_default();
    FilePosition { offset: (before as u32).into(), ..position }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hover;
    use crate::protocol::Open;

    /// A project without the standard library, with its directory.
    fn project() -> (Project, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let manifest = "[package]\nname = \"session\"\nedition = \"2024\"\n";
        std::fs::write(directory.path().join("Cargo.toml"), manifest).unwrap();
        std::fs::create_dir(directory.path().join("src")).unwrap();
        std::fs::write(directory.path().join("src/lib.rs"), "").unwrap();
        let mut project = Project::new(
            Workspace::new(Open {
                directory: directory.path().to_str().unwrap().into(),
                sysroot_src: Some("/there/is/no/std".into()),
                cargo: "cargo".into(),
                rustc: "rustc".into(),
                offline: true,
            })
            .unwrap(),
        );
        project.load().unwrap();
        (project, directory)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn a_panic_is_no_answer_and_the_next_question_has_one() {
        let (mut project, _directory) = project();
        let answer = project.ask(soon(), |_, _| -> Cancellable<()> { panic!("on purpose") });
        assert!(matches!(answer, Err(Unanswered::Panicked)));
        let position = project.set_text("fn f() {}".into(), 3);
        let answer = project.ask(soon(), move |analysis, _| hover::describe(analysis, position));
        assert!(answer.is_ok_and(|found| found.is_some()));
    }

    #[test]
    fn a_late_question_is_cancelled() {
        let (mut project, _directory) = project();
        let position = project.set_text("fn f() {}".into(), 8);
        let (ended, end) = mpsc::channel::<()>();
        let endless = move |analysis: &Analysis, text: &str| -> Cancellable<()> {
            let _ended = ended;
            loop {
                completion::complete(analysis, text, position)?;
            }
        };
        let answer = project.ask(Instant::now() + Duration::from_millis(20), endless);
        assert!(matches!(answer, Err(Unanswered::Late)));
        project.cancel();
        assert_eq!(end.recv(), Err(mpsc::RecvError), "the question has ended");
        assert!(
            project.ask(soon(), move |analysis, text| completion::complete(analysis, text, position)).is_ok()
        );
    }

    #[test]
    fn memory_is_freed_between_questions() {
        let (mut project, _directory) = project();
        for number in 0..2 * QUESTIONS_PER_COLLECTION {
            let position = project.set_text(format!("fn f{number}() {{}}"), 3);
            let answer = project.ask(soon(), move |analysis, _| hover::describe(analysis, position));
            assert!(answer.is_ok_and(|found| found.is_some()));
            project.tidy();
        }
        assert!(project.questions < QUESTIONS_PER_COLLECTION);
    }
}
