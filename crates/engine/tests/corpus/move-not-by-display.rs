//! A variable as the last expression of a cell is shown and kept.
//@ cell
let v = vec![String::from("x")];
v
//@ cell
v
//@ cell
&v[0]
//@ cell
v.into_iter().next()
//@ model
fn main() {
    let v = vec![String::from("x")];
    println!("{:?}", v);
    println!("{:?}", v);
    println!("{:?}", &v[0]);
    println!("{:?}", v.into_iter().next());
}
//@ output
["x"]
["x"]
"x"
Some("x")
