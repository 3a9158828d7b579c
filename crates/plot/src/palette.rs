//! The colours, and the reasons for them.
//!
//! Bars take Okabe and Ito's palette, which readers with any of the common colour-vision deficiencies can
//! distinguish. Its vermillion is reserved for failures, its black for text. No meaning depends on colour
//! alone: waits are hatched, failures crossed, the cycle of a deadlock drawn thicker, because a handout may
//! be printed in black and white.
//!
//! Every picture lies on a light panel of its own. JupyterLab shows an SVG as an `<img>`, in which neither
//! `currentColor` nor the theme is available (`prefers-color-scheme` is that of the desktop, not of
//! JupyterLab), and there is no grey with a contrast of 4.5 against both white and JupyterLab's dark
//! `#111111`: the best one has 4.4. Dark text on the panel has 14, on every theme and on paper.

use plotters::style::RGBColor;

/// The panel under a picture.
pub(crate) const PANEL: &str = "#fcfcfb";
/// The panel's edge.
pub(crate) const EDGE: &str = "#cfcfcb";
/// Text.
pub(crate) const INK: &str = "#222222";
/// Secondary text, and lines outside of the cycle.
pub(crate) const QUIET: &str = "#555555";
/// Grid lines.
pub(crate) const GRID: &str = "#e2e2de";
/// Every other row of a table.
pub(crate) const STRIPE: &str = "#f3f3f0";
/// Failures: a darker vermillion, which is also legible as text.
pub(crate) const ALARM: &str = "#b84300";
/// Blocks of many tasks that are too small to be visible one by one.
pub(crate) const MANY: &str = "#6b7785";

/// The colours of bars and the colour of text on each.
pub(crate) const BARS: [(&str, &str); 6] = [
    ("#56b4e9", INK),
    ("#e69f00", INK),
    ("#009e73", "#000000"),
    ("#f0e442", INK),
    ("#0072b2", "#ffffff"),
    ("#cc79a7", INK),
];

/// A colour of this palette as plotters has it.
pub(crate) fn rgb(hex: &str) -> RGBColor {
    let channel = |at: usize| hex.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    RGBColor(channel(1).unwrap_or(0), channel(3).unwrap_or(0), channel(5).unwrap_or(0))
}
