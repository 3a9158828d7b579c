//! The description of the item at a position.

use crate::word::word_at;
use ra_ap_ide::{
    Analysis, Cancellable, FilePosition, FileRange, HoverConfig, HoverDocFormat, RaFixtureConfig, SubstTyLen,
    TextRange,
};

/// The maximum number of shown fields or variants of a type.
const MAX_MEMBERS: usize = 5;

/// rust-analyzer's name of a type that it cannot infer.
const UNKNOWN: &str = "{unknown}";

/// A description.
pub struct Description {
    /// As text.
    pub plain: String,
    /// As Markdown.
    pub markdown: String,
}

/// Adds parentheses to the name at `offset`, if it follows a dot and has none. Without them, rust-analyzer describes a
/// private field of that name rather than the method, such as the `len` of a `Vec`.
pub fn with_call(text: &str, offset: usize) -> Option<String> {
    let word = word_at(text, offset);
    let (before, name, behind) = (&text[..word.start], &text[word.clone()], &text[word.end..]);
    let is_member = before.ends_with('.') && name.starts_with(|c: char| !c.is_ascii_digit());
    let is_called = ["(", "::"].iter().any(|call| behind.trim_start().starts_with(call));
    (is_member && !is_called).then(|| format!("{before}{name}(){behind}"))
}

/// Queries rust-analyzer for the description.
pub fn describe(analysis: &Analysis, position: FilePosition) -> Cancellable<Option<Description>> {
    let range = FileRange { file_id: position.file_id, range: TextRange::empty(position.offset) };
    let ask = |format| {
        let found = analysis.hover(&config(format), range)?;
        let text = found.map(|found| found.info.markup.as_str().trim().to_owned());
        Ok(text.filter(|text| !text.is_empty()))
    };
    let (plain, markdown) = (ask(HoverDocFormat::PlainText)?, ask(HoverDocFormat::Markdown)?);
    let known = plain.filter(|plain| plain != UNKNOWN).zip(markdown);
    Ok(known.map(|(plain, markdown)| Description { plain, markdown }))
}

fn config(format: HoverDocFormat) -> HoverConfig<'static> {
    HoverConfig {
        links_in_hover: true,
        memory_layout: None,
        documentation: true,
        keywords: true,
        format,
        max_trait_assoc_items_count: None,
        max_fields_count: Some(MAX_MEMBERS),
        max_enum_variants_count: Some(MAX_MEMBERS),
        max_subst_ty_len: SubstTyLen::Unlimited,
        show_drop_glue: false,
        ra_fixture: RaFixtureConfig::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_called() {
        assert_eq!(with_call("words.len + 1", 7).as_deref(), Some("words.len() + 1"));
        assert_eq!(with_call("words.len", 9).as_deref(), Some("words.len()"));
        for other in ["words.len()", "words.len ()", "words.sum::<u8>()", "words", "words.", "pairs.0"] {
            assert_eq!(with_call(other, other.len().min(8)), None, "{other}");
        }
    }
}
