//! What a cell prints when `?` ends it: the error, what caused it, and where that `?` stands.
//!
//! The engine's code takes every error that can be displayed, and so cannot ask for its causes: not everything that
//! can be displayed is an [`Error`](std::error::Error). So rustc is given that code first in a form that takes only
//! errors, which will do for most cells, and if it refuses that, in one that takes everything as before, and tells the
//! causes of boxed errors only.

/// Begins the line of a cause, on standard error.
pub const CAUSE: &str = "\u{1}caused by: ";

/// Begins the last line: where the `?` stands in the generated code.
pub const PLACE: &str = "\u{1}at ";

/// The engine's code.
const TYPE: &str = "struct EvcxrUserCodeError {}";
const CONVERSION: &str = "impl<T: std::fmt::Display> From<T> for EvcxrUserCodeError {";
const FUNCTION: &str = "fn from(error: T) -> Self {";
const PRINT: &str = "eprintln!(\"{}\", error);";

/// Asks a box of an error for its cause. The box itself is no error, and its type is not known where everything that
/// can be displayed is taken, so it is found out by its number.
const SOURCE: &str = r"fn evcxr_source<T>(error: &T) -> Option<&(dyn std::error::Error + 'static)> {
    use std::{any::TypeId, error::Error, marker::PhantomData, mem::transmute};
    trait Typed { fn id(&self) -> TypeId where Self: 'static; }
    impl<T> Typed for PhantomData<T> { fn id(&self) -> TypeId where Self: 'static { TypeId::of::<T>() } }
    /* SAFETY: what borrows for less than ever is used for this call only, and has no value to look at. */
    let id = unsafe { transmute::<&dyn Typed, &(dyn Typed + 'static)>(&PhantomData::<T>) }.id();
    let error: *const T = error;
    /* SAFETY: the numbers say that these are the types, but for lifetimes; and no longer borrow leaves this call. */
    if id == TypeId::of::<Box<dyn Error>>() { unsafe { &*error.cast::<Box<dyn Error>>() }.source() }
    else if id == TypeId::of::<Box<dyn Error + Send + Sync>>() {
        unsafe { &*error.cast::<Box<dyn Error + Send + Sync>>() }.source()
    } else { None }
}";

/// The forms in which rustc is to be given a generated cell, one after the other. Every line keeps its number.
pub fn forms(generated: &str) -> Vec<String> {
    if !generated.contains(CONVERSION) || !generated.contains(PRINT) {
        return vec![generated.to_owned()];
    }
    let form = |bound: &str, source: &str| {
        let print = format!(
            "{PRINT} let mut cause = {source}(&error); \
             while let Some(error) = cause {{ eprintln!(\"{CAUSE}{{error}}\"); cause = error.source(); }} \
             eprintln!(\"{PLACE}{{}}\", std::panic::Location::caller().line());"
        );
        let conversion = CONVERSION.replace("std::fmt::Display", bound);
        let function = format!("#[track_caller] {FUNCTION}");
        generated.replace(CONVERSION, &conversion).replace(FUNCTION, &function).replace(PRINT, &print)
    };
    let everything = form("std::fmt::Display", "evcxr_source");
    let everything = everything.replace(TYPE, &format!("{TYPE} {}", SOURCE.replace('\n', " ")));
    vec![form("std::error::Error", "std::error::Error::source"), everything]
}

/// Whether rustc refused a form because of an error of another kind.
pub fn is_to_blame(stderr: &str) -> bool {
    stderr.contains("E0277") && stderr.contains("EvcxrUserCodeError")
}

/// What a cell printed as `?` ended it.
pub struct Ending<'a> {
    pub error: &'a str,
    pub causes: Vec<&'a str>,
    /// The line of the generated code, from 1.
    pub line: Option<u32>,
}

impl Ending<'_> {
    pub fn read(text: &str) -> Ending<'_> {
        let text = text.trim_end();
        let (rest, line) = match text.rsplit_once(PLACE) {
            Some((rest, line)) => (rest, line.parse().ok()),
            None => (text, None),
        };
        let mut parts = rest.split(CAUSE).map(str::trim_end);
        Ending { error: parts.next().unwrap_or_default(), causes: parts.collect(), line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENERATED: &str = "
            struct EvcxrUserCodeError {}
            impl<T: std::fmt::Display> From<T> for EvcxrUserCodeError {
                fn from(error: T) -> Self {
                    eprintln!(\"{}\", error);
                    println!(\"{}\", 1);
                    EvcxrUserCodeError {}
                }
            }
";

    #[test]
    fn both_forms_keep_the_lines() {
        let forms = forms(GENERATED);
        assert_eq!(forms.len(), 2);
        for (form, bound) in forms.iter().zip(["std::error::Error", "std::fmt::Display"]) {
            assert!(form.contains(&format!("impl<T: {bound}> From<T>")), "{form}");
            assert!(form.contains("#[track_caller]") && form.contains("caller().line()"), "{form}");
            assert_eq!(form.lines().count(), GENERATED.lines().count());
        }
        assert_eq!(super::forms("fn f() {}"), ["fn f() {}"]);
    }

    #[test]
    fn what_was_printed_is_read_again() {
        let text = format!("a\nb\n{CAUSE}c\nd\n{CAUSE}e\n{PLACE}17\n");
        let Ending { error, causes, line } = Ending::read(&text);
        assert_eq!((error, causes, line), ("a\nb", vec!["c\nd", "e"], Some(17)));
        let Ending { error, causes, line } = Ending::read("at 3\n");
        assert_eq!((error, line), ("at 3", None));
        assert!(causes.is_empty());
        assert_eq!(Ending::read("").error, "");
    }
}
