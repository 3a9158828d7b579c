//! `catch_unwind` gives the payload to the cell.
//@ cell
use std::panic::{catch_unwind, AssertUnwindSafe};
let mut n = 0;
//@ cell
let r = catch_unwind(AssertUnwindSafe(|| { n += 1; if n > 0 { panic!("caught {n}") } }));
//@ cell
(n, r.unwrap_err().downcast_ref::<String>())
//@ cell
let r = catch_unwind(|| { [1, 2, 3].iter().sum::<i32>() });
r.is_ok()
//@ model
use std::panic::{catch_unwind, AssertUnwindSafe};
fn main() {
    let mut n = 0;
    let r = catch_unwind(AssertUnwindSafe(|| { n += 1; if n > 0 { panic!("caught {n}") } }));
    println!("{:?}", (n, r.unwrap_err().downcast_ref::<String>()));
    let r = catch_unwind(|| { [1, 2, 3].iter().sum::<i32>() });
    println!("{:?}", r.is_ok());
}
//@ output
(1, Some("caught 1"))
true
