//! What a notebook has without asking: `use threadbook::prelude::*;`.
//!
//! `Future` is not here, so that the standard library's trait keeps its name: write `threadbook::Future`.

pub use crate::input::{input, password};
pub use crate::show::{Display as _, display};
pub use crate::subprocess;
pub use threadbook_display::{Html, Json, Markdown, Png, Svg, clear_output, progress, progress_bar};
pub use threadbook_executor::{
    Executor, ProcessPoolExecutor, Promise, RayonExecutor, ReturnWhen, SerialExecutor, StartMethod,
    TaskError, ThreadPoolExecutor, Timeline, TokioExecutor, WaitGraph, as_completed, threading, wait,
};
pub use threadbook_timing::{Measurement, Timed, time, timeit};
