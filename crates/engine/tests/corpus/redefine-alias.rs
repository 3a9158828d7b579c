//! A redefined alias takes along the types that name it, and no variable of the type that it stood for.
//@ cell
type Id = u32;
#[derive(Debug)]
struct User { id: Id }
let user = User { id: 7 };
let next: Id = 8;
//@ cell => dropped: user
type Id = String;
//@ cell
let user = User { id: format!("u{next}") };
//@ cell
user
//@ model
type Id = String;
#[derive(Debug)]
struct User { id: Id }
fn main() {
    let next = 8u32;
    let user = User { id: format!("u{next}") };
    println!("{:?}", user);
}
//@ output
User { id: "u8" }
