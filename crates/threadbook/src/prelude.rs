//! What a notebook has without asking: `use threadbook::prelude::*;`.
//!
//! `Future` is not here, so that the standard library's trait keeps its name: write `threadbook::Future`.

pub use threadbook_display::{Display as _, Html, Json, Markdown, Png, Svg, clear_output, display};
pub use threadbook_executor::{
    Executor, Promise, ReturnWhen, SerialExecutor, TaskError, ThreadPoolExecutor, Timeline, WaitGraph,
    as_completed, wait,
};
