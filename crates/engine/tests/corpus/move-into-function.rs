//! A variable that an earlier cell moved is refused as in a program.
//@ cell
let names = vec!["a".to_string()];
//@ cell
drop(names);
//@ cell => E0382: names
names.len()
//@ model => E0382
fn main() {
    let names = vec!["a".to_string()];
    drop(names);
    names.len();
}
