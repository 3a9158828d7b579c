//! The items that a macro makes are items of the session.
//@ cell
macro_rules! record {
    ($name:ident { $($field:ident: $t:ty),* }) => {
        #[derive(Debug)] struct $name { $($field: $t),* }
        impl $name { fn fields() -> &'static [&'static str] { &[$(stringify!($field)),*] } }
    };
}
//@ cell
record!(Point { x: i32, y: i32 });
record! { Name { text: String } }
//@ cell
let p = Point { x: 1, y: 2 };
//@ cell
(p, Name::fields())
//@ model
macro_rules! record {
    ($name:ident { $($field:ident: $t:ty),* }) => {
        #[derive(Debug)] struct $name { $($field: $t),* }
        impl $name { fn fields() -> &'static [&'static str] { &[$(stringify!($field)),*] } }
    };
}
record!(Point { x: i32, y: i32 });
record! { Name { text: String } }
fn main() {
    let p = Point { x: 1, y: 2 };
    println!("{:?}", (p, Name::fields()));
}
//@ output
(Point { x: 1, y: 2 }, ["text"])
