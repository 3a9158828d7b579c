//! Values that are what they look like: HTML, Markdown, pictures, JSON.

use crate::bundle::{METADATA, MimeBundle, offer};
use crate::picture::svg_bundle;
use base64::Engine;
use std::fmt;

/// A piece of HTML.
pub struct Html(pub String);

/// A piece of Markdown.
pub struct Markdown(pub String);

/// An SVG picture.
pub struct Svg(pub String);

/// A PNG picture: the bytes of the file.
pub struct Png(pub Vec<u8>);

/// A JSON value, which front ends show as a tree to fold.
pub struct Json(pub serde_json::Value);

/// A formula or a text in LaTeX: `$E = mc^2$`.
pub struct Latex(pub String);

/// A value in whatever formats you say, of which a front end shows the best that it can.
///
/// # Examples
///
/// ```
/// use threadbook_display::{Bundle, display};
///
/// let picture = std::fs::read("photo.jpg").unwrap_or_default();
/// display(&Bundle::new().bytes("image/jpeg", &picture).sized("image/jpeg", 320, 200).text("text/plain", "a photo"));
/// ```
#[derive(Clone, Default)]
pub struct Bundle {
    data: MimeBundle,
}

impl Bundle {
    /// Nothing yet.
    pub fn new() -> Bundle {
        Bundle::default()
    }

    /// As text of this MIME type, such as `text/html`.
    #[must_use = "this returns the bundle"]
    pub fn text(mut self, mime: &str, text: impl Into<String>) -> Bundle {
        self.data.insert(mime.to_owned(), text.into().into());
        self
    }

    /// As bytes of this MIME type, such as `image/jpeg`. They are sent in base64.
    #[must_use = "this returns the bundle"]
    pub fn bytes(self, mime: &str, bytes: &[u8]) -> Bundle {
        self.text(mime, base64::engine::general_purpose::STANDARD.encode(bytes))
    }

    /// As JSON of this MIME type, such as `application/vnd.vega.v5+json`.
    #[must_use = "this returns the bundle"]
    pub fn json(mut self, mime: &str, value: serde_json::Value) -> Bundle {
        self.data.insert(mime.to_owned(), value);
        self
    }

    /// How large the picture of this MIME type is shown, in CSS pixels.
    #[must_use = "this returns the bundle"]
    pub fn sized(mut self, mime: &str, width: u32, height: u32) -> Bundle {
        let metadata = self.data.entry(METADATA).or_insert_with(|| serde_json::json!({}));
        metadata[mime] = serde_json::json!({"width": width, "height": height});
        self
    }
}

fn one(mime: &str, value: impl Into<serde_json::Value>) -> MimeBundle {
    [(mime.to_owned(), value.into())].into_iter().collect()
}

impl fmt::Debug for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        offer::<Self>(|| one("text/html", &*self.0));
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Markdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        offer::<Self>(|| one("text/markdown", &*self.0));
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Latex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        offer::<Self>(|| one("text/latex", &*self.0));
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        offer::<Self>(|| self.data.clone());
        match self.data.get("text/plain").and_then(|text| text.as_str()) {
            Some(text) => f.write_str(text),
            None => {
                let formats: Vec<&str> =
                    self.data.keys().map(String::as_str).filter(|mime| *mime != METADATA).collect();
                write!(f, "a value as {}", formats.join(", "))
            }
        }
    }
}

impl fmt::Debug for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        offer::<Self>(|| svg_bundle(&self.0));
        write!(f, "an SVG picture of {} bytes", self.0.len())
    }
}

impl fmt::Debug for Png {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encode = || base64::engine::general_purpose::STANDARD.encode(&self.0);
        offer::<Self>(|| one("image/png", encode()));
        write!(f, "a PNG picture of {} bytes", self.0.len())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        offer::<Self>(|| one("application/json", self.0.clone()));
        write!(f, "{:#}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle_of;

    #[test]
    fn each_offers_its_own_type_and_a_text() {
        let shown = [
            ("text/html", bundle_of(&Html("a".into()))),
            ("text/markdown", bundle_of(&Markdown("a".into()))),
            ("image/svg+xml", bundle_of(&Svg("<svg/>".into()))),
            ("image/png", bundle_of(&Png(vec![1, 2, 3]))),
            ("text/latex", bundle_of(&Latex("$1$".into()))),
            ("image/jpeg", bundle_of(&Bundle::new().bytes("image/jpeg", &[1]))),
            ("application/json", bundle_of(&Json(serde_json::json!({"a": 1})))),
        ];
        for (mime, bundle) in shown {
            assert!(bundle.contains_key(mime) && bundle.contains_key("text/plain"), "{bundle:?}");
        }
        assert_eq!(bundle_of(&Png(vec![1, 2, 3]))["image/png"], "AQID");
        let sized = bundle_of(&Bundle::new().bytes("image/jpeg", &[1]).sized("image/jpeg", 3, 2));
        assert_eq!(sized[METADATA], serde_json::json!({"image/jpeg": {"width": 3, "height": 2}}));
        assert_eq!(sized["text/plain"], "a value as image/jpeg");
    }
}
