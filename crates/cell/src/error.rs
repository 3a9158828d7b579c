//! The error that a `?` ends a cell with.

use std::any::Any;
use std::fmt::Display;
use std::panic::Location;

/// The error of a cell whose every `?` meets a [`std::error::Error`], which has causes.
///
/// It implements no `Display`, so that the blanket conversion does not overlap with that of a type into itself.
pub struct Error {
    /// The error as text.
    pub text: String,
    /// Its causes as text, the nearest first.
    pub causes: Vec<String>,
    /// The place of the `?`, in generated code.
    pub place: &'static Location<'static>,
}

impl Error {
    fn new(
        text: String,
        cause: Option<&(dyn std::error::Error + 'static)>,
        place: &'static Location<'static>,
    ) -> Error {
        let causes = std::iter::successors(cause, |cause| cause.source()).map(ToString::to_string).collect();
        Error { text, causes, place }
    }
}

impl<E: std::error::Error> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Error {
        Error::new(error.to_string(), error.source(), Location::caller())
    }
}

/// The error of a cell in which a `?` meets a type that can be displayed but is no [`std::error::Error`], such as
/// `String` or `Box<dyn Error>`.
pub struct AnyError(Error);

impl<E: Display + 'static> From<E> for AnyError {
    #[track_caller]
    fn from(error: E) -> AnyError {
        type Boxed = Box<dyn std::error::Error>;
        type Sent = Box<dyn std::error::Error + Send + Sync>;
        let any: &dyn Any = &error;
        let cause = any.downcast_ref::<Boxed>().map(|error| error.source());
        let cause = cause.or_else(|| any.downcast_ref::<Sent>().map(|error| error.source()));
        AnyError(Error::new(error.to_string(), cause.flatten(), Location::caller()))
    }
}

impl AnyError {
    /// The error in the form that the host reports.
    pub fn into_error(self) -> Error {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn parse(text: &str) -> Result<u8, Error> {
        Ok(text.parse::<u8>()?)
    }

    #[test]
    fn an_error_knows_its_question_mark() {
        let error = parse("x").err().unwrap();
        assert_eq!(error.text, "invalid digit found in string");
        assert_eq!((error.place.file(), error.place.line()), (file!(), line!() - 7));
    }

    #[test]
    fn a_boxed_error_keeps_its_causes() {
        #[derive(Debug)]
        struct Outer(io::Error);
        impl Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("no settings")
            }
        }
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let boxed: Box<dyn std::error::Error + Send + Sync> = Box::new(Outer(io::Error::other("no disk")));
        let error = AnyError::from(boxed).into_error();
        assert_eq!((error.text.as_str(), &error.causes[..]), ("no settings", &["no disk".to_owned()][..]));
        assert_eq!(AnyError::from("only words").into_error().text, "only words");
    }
}
