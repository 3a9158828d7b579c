//! A variable declared `mut` is mutable in all later cells.
//@ cell
let mut total = 0;
let mut names = vec!["a"];
//@ cell
total += 5;
names.push("b");
//@ cell
for n in 1..=3 { total += n }
names.extend(["c", "d"]);
names.swap(0, 3);
//@ cell
(total, names.len())
//@ cell
names
//@ model
fn main() {
    let mut total = 0;
    let mut names = vec!["a"];
    total += 5;
    names.push("b");
    for n in 1..=3 { total += n }
    names.extend(["c", "d"]);
    names.swap(0, 3);
    println!("{:?}", (total, names.len()));
    println!("{:?}", names);
}
//@ output
(11, 4)
["d", "b", "c", "a"]
