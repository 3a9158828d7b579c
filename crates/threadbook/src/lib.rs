//! The companion crate of Threadbook notebooks: the public API of the crates around it.
//!
//! A Threadbook kernel loads it at its start. Elsewhere, as on stock `evcxr_jupyter`:
//!
//! ```text
//! :dep threadbook = { path = "../crates/threadbook" }
//! use threadbook::prelude::*;
//! ```
//!
//! It is a dynamic library there, so that its statics, and those of tokio and rayon in it, are the same in
//! every cell. In an ordinary program it is a library like any other.
//!
//! ```
//! use threadbook::prelude::*;
//!
//! let pool = ThreadPoolExecutor::new(2);
//! let answer = pool.submit(|| 6 * 7);
//! assert_eq!(answer.result()?, 42);
//! # Ok::<(), TaskError>(())
//! ```

#[doc(hidden)]
pub mod cell;
mod exploring;
mod input;
#[doc(hidden)]
pub mod magics;
pub mod order;
pub mod prelude;
mod printing;
mod process;
mod show;
mod stack;
mod threads;

pub use threadbook_executor::*;

#[doc(hidden)]
pub use exploring::explored;
pub use exploring::{be_the_scheduler, last_exploration};
pub use input::{input, password};
pub use show::{Display, display, display_handle, interact, live};
pub use threadbook_display::{
    Bundle, DisplayHandle, Html, Json, Latex, Markdown, MimeBundle, Png, Progress, ProgressBar, Svg,
    clear_output, offer, progress, progress_bar,
};
pub use threadbook_explore as explore;
pub use threadbook_explore::{Exploration, Explorer, Failure, explore, replay};
pub use threadbook_multiprocessing as multiprocessing;
pub use threadbook_plot as plot;
pub use threadbook_subprocess as subprocess;
pub use threadbook_threading as threading;
pub use threadbook_timing as timing;
pub use threadbook_widgets as widgets;
pub use threadbook_workload as workload;

// rustc names a type behind a renamed re-export by the crate's own name.
#[doc(hidden)]
pub use {
    threadbook_display, threadbook_executor, threadbook_explore, threadbook_future,
    threadbook_multiprocessing, threadbook_plot, threadbook_subprocess, threadbook_threading,
    threadbook_timing, threadbook_widgets, threadbook_workload,
};
// Linked into this dynamic library, so that all cells share their statics.
pub use {futures, plotters, rayon, serde, serde_json, tokio};
