//! The borrow checker sees variables of earlier cells as those of a function body.
//@ cell
let mut v = vec![1, 2, 3];
let mut s = String::from("s");
//@ cell => E0502
let first = &v[0];
v.push(4);
println!("{first}");
//@ cell => E0499
let a = &mut s;
let b = &mut s;
a.push('a');
b.push('b');
//@ cell => E0505
let r = &v;
drop(v);
println!("{r:?}");
//@ cell => E0506
let r = &s;
s = String::new();
println!("{r}");
//@ cell
(v, s)
//@ model
fn main() {
    let v = vec![1, 2, 3];
    let s = String::from("s");
    println!("{:?}", (v, s));
}
//@ output
([1, 2, 3], "s")
