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

/// The names that the code of an explored cell has, for an explorer that runs the cell twice under one schedule.
pub mod explore {
    pub use std as whole_std;
    use std::ops::Deref;
    use std::sync::LazyLock;

    pub struct Line {
        pub generated: u32,
        pub text: &'static str,
    }

    #[derive(Default)]
    pub struct Explorer {
        pub max_switches: usize,
    }

    impl Explorer {
        pub fn new() -> Explorer {
            Explorer::default()
        }

        pub fn max_switches(self, max_switches: usize) -> Explorer {
            Explorer { max_switches }
        }
    }

    pub struct Static<T: 'static>(LazyLock<T>);

    impl<T> Static<T> {
        pub const fn new(make: fn() -> T) -> Static<T> {
            Static(LazyLock::new(make))
        }
    }

    impl<T> Deref for Static<T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.0
        }
    }
}

pub fn explored<O: cell::Outcome>(
    explorer: explore::Explorer,
    lines: &'static [explore::Line],
    statements: impl Fn() -> O,
) {
    println!("at most {} switches", explorer.max_switches);
    for line in lines {
        println!("{}", line.text);
    }
    for _ in 0..2 {
        drop(statements().end());
    }
}
