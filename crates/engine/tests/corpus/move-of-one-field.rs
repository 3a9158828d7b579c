//! A field moved out leaves the other fields usable, and the whole unusable.
//@ cell
#[derive(Debug)]
struct User { name: String, mail: String }
let u = User { name: "ada".into(), mail: "ada@x".into() };
let pair = (String::from("left"), String::from("right"));
//@ cell
let name = u.name;
let left = pair.0;
println!("{} {}", u.mail, pair.1);
//@ cell => E0382
u
//@ cell
(name, left)
//@ model
struct User { name: String, mail: String }
fn main() {
    let u = User { name: "ada".into(), mail: "ada@x".into() };
    let pair = (String::from("left"), String::from("right"));
    let name = u.name;
    let left = pair.0;
    println!("{} {}", u.mail, pair.1);
    println!("{:?}", (name, left));
}
//@ output
ada@x right
("ada", "left")
