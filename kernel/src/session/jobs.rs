//! The work for the thread of the engine.

use super::Outcome;
use super::link::Link;
use super::output::Cell;
use super::report::Failure;
use std::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// A cell to execute.
pub struct Job {
    pub code: String,
    pub cell: Box<Cell>,
    pub answer: oneshot::Sender<Outcome>,
}

/// Answers each job with the reason why there is no engine.
pub fn refuse(link: &Link, jobs: Receiver<Job>, reason: &str) {
    eprintln!("threadbook: {reason}");
    for job in jobs {
        link.begin_cell(&job.cell);
        link.end_cell(false);
        let _ = job.answer.send(Outcome::Failed(Failure::no_engine(reason)));
    }
}
