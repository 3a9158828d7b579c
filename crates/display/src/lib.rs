//! The look of a value in a notebook cell.
//!
//! Every value that has `Debug` has a look: its `{:?}` text. A value with a better one (a page of HTML, a
//! picture) *offers* it from its `Debug` implementation, and [`bundle_of`] takes the offer when that value
//! is the one being shown. So one well-known trait is enough, and no implementations conflict.
//!
//! ```
//! use threadbook_display::{Html, bundle_of};
//!
//! assert_eq!(bundle_of(&vec![1, 2])["text/plain"], "[1, 2]");
//! assert_eq!(bundle_of(&Html("<b>1</b>".into()))["text/html"], "<b>1</b>");
//! ```
//!
//! [`output`] brings it to the reader: to the Threadbook kernel, to stock `evcxr_jupyter`, or to a terminal. [`wire`] is the
//! connection to the kernel; the kernel's commands arrive in its inbox.
//!
//! *API boundary:* this crate knows no executor, no timing and no plot. Only it opens the companion's end of the wire.

mod bundle;
mod handle;
mod inbox;
mod live;
pub mod output;
mod picture;
mod progress;
mod rich;
mod show;
pub mod wire;

pub use bundle::{MimeBundle, bundle_of, draw_with, offer, offer_drawing};
pub use handle::{DisplayHandle, display_handle, send_updates};
pub use live::live;
pub use picture::svg_bundle;
pub use progress::{Progress, ProgressBar, progress, progress_bar};
pub use rich::{Bundle, Html, Json, Latex, Markdown, Png, Svg};
pub use show::{clear_output, display, show_result};
