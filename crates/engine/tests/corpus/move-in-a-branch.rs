//! A variable that a branch may have moved is used up in all later cells.
//@ cell
let s = String::from("s");
let take = false;
//@ cell
if take { drop(s) }
//@ cell => E0382: s
s.len()
//@ model => E0382
fn main() {
    let s = String::from("s");
    let take = false;
    if take { drop(s) }
    s.len();
}
