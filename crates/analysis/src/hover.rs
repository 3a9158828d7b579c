//! The description of the item at a place.

use ra_ap_ide::{
    Analysis, Cancellable, FilePosition, FileRange, HoverConfig, HoverDocFormat, RaFixtureConfig, SubstTyLen,
    TextRange,
};

/// How many fields or variants of a type are shown.
const MAX_MEMBERS: usize = 5;

/// A description.
pub struct Description {
    /// As text.
    pub plain: String,
    /// As Markdown.
    pub markdown: String,
}

/// Asks rust-analyzer.
pub fn describe(analysis: &Analysis, position: FilePosition) -> Cancellable<Option<Description>> {
    let range = FileRange { file_id: position.file_id, range: TextRange::empty(position.offset) };
    let ask = |format| {
        let found = analysis.hover(&config(format), range)?;
        let text = found.map(|found| found.info.markup.as_str().trim().to_owned());
        Ok(text.filter(|text| !text.is_empty()))
    };
    let (plain, markdown) = (ask(HoverDocFormat::PlainText)?, ask(HoverDocFormat::Markdown)?);
    Ok(plain.zip(markdown).map(|(plain, markdown)| Description { plain, markdown }))
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
