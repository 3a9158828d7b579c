//! What a notebook has without asking: `use threadbook::prelude::*;`.

pub use threadbook_display::{Display as _, Html, Json, Markdown, Png, Svg, display};
pub use threadbook_executor::{TaskError, ThreadPoolExecutor};
