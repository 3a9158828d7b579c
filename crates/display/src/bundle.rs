//! MIME bundles, and how a value offers a better one than its text.

use std::any::{Any, TypeId, type_name};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{OnceLock, RwLock};
pub use threadbook_wire::MimeBundle;

/// Under this name a bundle carries what is not its data: the
/// [metadata](https://jupyter-client.readthedocs.io/en/stable/messaging.html#display-data) of its formats.
pub(crate) const METADATA: &str = "metadata";

/// The value being shown in this thread: the name of its type, and its offer.
struct Request {
    type_name: &'static str,
    offered: Option<MimeBundle>,
}

thread_local! {
    static REQUEST: RefCell<Option<Request>> = const { RefCell::new(None) };
}

/// The look of `value`: its offer, and its `{:?}` as `text/plain` if the offer has no text of its own.
///
/// # Panics
///
/// If the value's `Debug` implementation panics.
pub fn bundle_of<T: Debug + ?Sized>(value: &T) -> MimeBundle {
    bundle_as(type_name::<T>(), &value)
}

/// As [`bundle_of`], for a value of the type of that name.
pub(crate) fn bundle_as(type_name: &'static str, value: &dyn Debug) -> MimeBundle {
    // A reference formats as what it refers to.
    let request = Request { type_name: type_name.trim_start_matches('&'), offered: None };
    let outer = REQUEST.replace(Some(request));
    let text = format!("{value:?}");
    let request = REQUEST.replace(outer);
    let mut bundle = request.and_then(|request| request.offered).unwrap_or_default();
    bundle.entry("text/plain").or_insert_with(|| text.into());
    bundle
}

/// Offers a bundle for a `T`, if it is a `T` that is being shown. For `Debug` implementations:
///
/// ```
/// struct Answer(u8);
///
/// impl std::fmt::Debug for Answer {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         threadbook_display::offer::<Self>(|| {
///             [("text/html".into(), format!("<b>{}</b>", self.0).into())].into_iter().collect()
///         });
///         write!(f, "the answer is {}", self.0)
///     }
/// }
///
/// let bundle = threadbook_display::bundle_of(&Answer(42));
/// assert_eq!(bundle["text/html"], "<b>42</b>");
/// assert_eq!(bundle["text/plain"], "the answer is 42");
/// assert_eq!(threadbook_display::bundle_of(&[Answer(42)])["text/plain"], "[the answer is 42]");
/// ```
pub fn offer<T: ?Sized>(bundle: impl FnOnce() -> MimeBundle) {
    let wanted = REQUEST.with_borrow(|request| {
        request
            .as_ref()
            .is_some_and(|request| request.type_name == type_name::<T>() && request.offered.is_none())
    });
    if wanted {
        let bundle = bundle();
        REQUEST.with_borrow_mut(|request| {
            if let Some(request) = request {
                request.offered = Some(bundle);
            }
        });
    }
}

type Drawing = Box<dyn Fn(&dyn Any) -> MimeBundle + Send + Sync>;

fn drawings() -> &'static RwLock<HashMap<TypeId, Drawing>> {
    static DRAWINGS: OnceLock<RwLock<HashMap<TypeId, Drawing>>> = OnceLock::new();
    DRAWINGS.get_or_init(Default::default)
}

/// Says how a `T` is drawn, for a type whose own crate must not know of pictures and calls
/// [`offer_drawing`]. The last call for a type counts.
pub fn draw_with<T: 'static>(draw: fn(&T) -> MimeBundle) {
    let drawing: Drawing = Box::new(move |value| value.downcast_ref::<T>().map(draw).unwrap_or_default());
    let mut drawings = drawings().write().unwrap_or_else(|poisoned| poisoned.into_inner());
    drawings.insert(TypeId::of::<T>(), drawing);
}

/// Offers the drawing of `value` that was named with [`draw_with`], if any.
pub fn offer_drawing<T: 'static>(value: &T) {
    let drawings = drawings().read().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(drawing) = drawings.get(&TypeId::of::<T>()) {
        offer::<T>(|| drawing(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Html;

    struct Pot;

    impl Debug for Pot {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            offer_drawing(self);
            f.write_str("a pot")
        }
    }

    #[test]
    fn a_drawing_is_taken_once_it_is_known() {
        assert_eq!(bundle_of(&Pot).len(), 1);
        draw_with::<Pot>(|_| [("image/svg+xml".into(), "<svg/>".into())].into_iter().collect());
        let bundle = bundle_of(&&Pot);
        assert_eq!(bundle["image/svg+xml"], "<svg/>");
        assert_eq!(bundle["text/plain"], "a pot");
    }

    #[test]
    fn only_the_value_that_is_shown_may_offer() {
        let wrapped = Some(Html("<b>1</b>".into()));
        assert!(!bundle_of(&wrapped).contains_key("text/html"));
        // Outside of a request, formatting is just formatting.
        assert_eq!(format!("{:?}", Html("<b>1</b>".into())), "<b>1</b>");
    }

    #[test]
    fn a_panic_in_debug_does_not_spoil_the_next_value() {
        struct Bad;
        impl Debug for Bad {
            fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                panic!("bad")
            }
        }
        assert!(std::panic::catch_unwind(|| bundle_of(&Bad)).is_err());
        assert_eq!(bundle_of(&Html("x".into()))["text/html"], "x");
    }
}
