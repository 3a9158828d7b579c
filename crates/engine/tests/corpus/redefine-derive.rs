//! A derive that the new definition does not have is gone.
//@ cell
#[derive(Debug, Clone, PartialEq)]
struct Tag(u8);
//@ cell
Tag(1) == Tag(1)
//@ cell
#[derive(Debug)]
struct Tag(u8);
//@ cell => E0369
Tag(1) == Tag(1)
//@ cell
Tag(1)
//@ cell
struct Tag(u8);
//@ cell => E0277: Debug
Tag(1)
//@ model
#[derive(Debug)]
struct Tag(u8);
fn main() {
    println!("{:?}", true);
    println!("{:?}", Tag(1));
}
//@ output
true
Tag(1)
