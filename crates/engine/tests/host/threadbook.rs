//! The library of the tests' host: generated code refers to it as `threadbook`.

pub use threadbook_cell as cell;

/// Shows the value of a last expression on a line, and nothing for `()`.
pub trait Show {
    fn evcxr_display(&self);
}

impl<T: std::fmt::Debug + ?Sized> Show for T {
    fn evcxr_display(&self) {
        if std::any::type_name::<T>() != "()" {
            println!("{self:?}");
        }
    }
}
