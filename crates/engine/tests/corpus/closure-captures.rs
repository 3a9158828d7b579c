//! A closure changes or uses up the variables that it captures, as in a program.
//@ cell
let mut total = 0usize;
let names = vec!["a", "b"];
//@ cell
names.iter().for_each(|n| total += n.len());
(0..3).for_each(|n| total += n);
//@ cell
let joined = (move || names.concat())();
//@ cell
let mut sorted = vec![3, 1, 2];
sorted.sort_by(|a, b| b.cmp(a));
sorted.retain(|&n| n != total);
//@ cell
(total, joined, sorted)
//@ cell => E0382: names
names
//@ model => E0382
fn main() {
    let names = vec!["a", "b"];
    let joined = (move || names.concat())();
    println!("{:?} {:?}", names, joined);
}
