//! Macros of one cell that its functions use, in any number and order (evcxr#118).
//@ cell
macro_rules! m0 { () => { 0 } } fn f0() -> i32 { m0!() }
//@ cell
macro_rules! m1 { () => { 1 } }
macro_rules! m2 { ($e:expr) => { $e + m1!() } }
fn f1() -> i32 { m2!(10) }
//@ cell
fn f2() -> i32 { m2!(f0()) + m3!(1, 2, 3) }
macro_rules! m3 { ($($n:expr),*) => { 0 $(+ $n)* } }
//@ cell
(f0(), f1(), f2(), m3!(m1!(), m2!(5)))
//@ model
macro_rules! m0 { () => { 0 } }
macro_rules! m1 { () => { 1 } }
macro_rules! m2 { ($e:expr) => { $e + m1!() } }
macro_rules! m3 { ($($n:expr),*) => { 0 $(+ $n)* } }
fn f0() -> i32 { m0!() }
fn f1() -> i32 { m2!(10) }
fn f2() -> i32 { m2!(f0()) + m3!(1, 2, 3) }
fn main() { println!("{:?}", (f0(), f1(), f2(), m3!(m1!(), m2!(5)))); }
//@ output
(0, 11, 7, 7)
