//! A variable that a macro declares under a name from its arguments is kept.
//@ cell
macro_rules! input { ($name:ident = $text:literal) => { let $name = $text.trim().len(); } }
//@ cell
input!(size = " abc ");
//@ cell
size + 1
//@ model
macro_rules! input { ($name:ident = $text:literal) => { let $name = $text.trim().len(); } }
fn main() {
    input!(size = " abc ");
    println!("{:?}", size + 1);
}
//@ output
4
