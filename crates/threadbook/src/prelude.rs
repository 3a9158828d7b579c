//! The names that are in scope in every notebook: `use threadbook::prelude::*;`.
//!
//! `Future` is not here, so that the standard library's trait keeps its name: write `threadbook::Future`. And
//! `Text` is not, because plotters has one: write `widgets::Text`.

pub use crate::exploring::{be_the_scheduler, last_exploration};
pub use crate::input::{input, password};
pub use crate::show::{Display as _, display, display_handle, interact, live};
pub use crate::{multiprocessing, subprocess, threading, widgets, workload};
pub use threadbook_display::{
    Bundle, DisplayHandle, Html, Json, Latex, Markdown, Png, Svg, clear_output, progress, progress_bar,
};
pub use threadbook_executor::{
    Executor, ProcessPoolExecutor, RayonExecutor, SerialExecutor, StartMethod, ThreadPoolExecutor, Timeline,
    TokioExecutor,
};
pub use threadbook_explore::{Exploration, Explorer, explore, replay};
pub use threadbook_future::{Promise, ReturnWhen, TaskError, WaitGraph, as_completed, wait};
pub use threadbook_subprocess::{Command, shell};
pub use threadbook_timing::{
    CommandTiming, Comparison, History, Measurement, SpeedUp, Timed, benchmark, history, speedup, time,
    time_command, timeit,
};
pub use threadbook_widgets::{
    Button, Checkbox, Dropdown, FloatSlider, HBox, IntProgress, IntSlider, Label, VBox, ValueWidget as _,
    Widget as _,
};
