//! A `use` of the same name takes the place of the earlier one; the same `use` again changes nothing.
//@ cell
use std::collections::BTreeSet as Set;
//@ cell
let a: Set<_> = [3, 1, 2, 1].into_iter().collect();
a
//@ cell
use std::collections::BTreeSet as Set;
//@ cell
use std::vec::Vec as Set;
//@ cell
let b: Set<_> = [3, 1, 2, 1].into_iter().collect();
(a.len(), b)
//@ model
use std::collections::BTreeSet;
fn main() {
    let a: BTreeSet<_> = [3, 1, 2, 1].into_iter().collect();
    println!("{:?}", a);
    let b: Vec<_> = [3, 1, 2, 1].into_iter().collect();
    println!("{:?}", (a.len(), b));
}
//@ output
{1, 2, 3}
(3, [3, 1, 2, 1])
