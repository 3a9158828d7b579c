//! Cells of comments, white space, one semicolon or leading `::` paths run.
//@ cell
// only a comment
//@ cell
;
//@ cell
/* only a block comment */

//@ cell
::std::println!("from the root");
//@ cell
::std::mem::size_of::<u32>() // a trailing comment
//@ cell
<u8 as ::core::default::Default>::default()
//@ cell
();
//@ model
fn main() {
    ;
    ::std::println!("from the root");
    println!("{:?}", ::std::mem::size_of::<u32>());
    println!("{:?}", <u8 as ::core::default::Default>::default());
    ();
}
//@ output
from the root
4
0
