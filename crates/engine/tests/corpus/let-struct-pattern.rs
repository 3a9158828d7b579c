//! The fields that a struct pattern binds are variables, under their own names or new ones.
//@ cell
struct Point { x: i32, y: i32, label: String }
let p = Point { x: 1, y: 2, label: "p".to_string() };
//@ cell
let Point { x, y: height, .. } = p;
//@ cell
x + height
//@ cell
p.label
//@ model
struct Point { x: i32, y: i32, label: String }
fn main() {
    let p = Point { x: 1, y: 2, label: "p".to_string() };
    let Point { x, y: height, .. } = p;
    println!("{:?}", x + height);
    println!("{:?}", p.label);
}
//@ output
3
"p"
