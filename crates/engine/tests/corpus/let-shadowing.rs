//! A later `let` of the same name takes its place, also with another type, within a cell and across cells.
//@ cell
let text = "41";
let text = text.parse::<i32>().unwrap();
//@ cell
let text = text + 1;
//@ cell
let text = vec![text; 2];
//@ cell
text
//@ model
fn main() {
    let text = "41";
    let text = text.parse::<i32>().unwrap();
    let text = text + 1;
    let text = vec![text; 2];
    println!("{:?}", text);
}
//@ output
[42, 42]
