//! A function that is defined again takes no `impl` of its old cell along.
//@ cell
struct Owl;
fn helper() -> i32 { 1 }
impl Owl { fn hoot(&self) -> String { format!("hoo {}", helper()) } }
//@ cell
fn helper() -> i32 { 2 }
//@ cell
Owl.hoot()
//@ model
struct Owl;
fn helper() -> i32 { 2 }
impl Owl { fn hoot(&self) -> String { format!("hoo {}", helper()) } }
fn main() { println!("{:?}", Owl.hoot()); }
//@ output
"hoo 2"
