//! Values that are what they look like: HTML, Markdown, pictures, JSON.

use crate::bundle::{MimeBundle, offer};
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

impl fmt::Debug for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        offer::<Self>(|| one("image/svg+xml", &*self.0));
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
            ("application/json", bundle_of(&Json(serde_json::json!({"a": 1})))),
        ];
        for (mime, bundle) in shown {
            assert!(bundle.contains_key(mime) && bundle.contains_key("text/plain"), "{bundle:?}");
        }
        assert_eq!(bundle_of(&Png(vec![1, 2, 3]))["image/png"], "AQID");
    }
}
