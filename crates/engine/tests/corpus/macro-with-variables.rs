//! A macro takes variables of earlier cells as arguments, also within its format string.
//@ cell
macro_rules! show { ($($e:expr),+ $(,)?) => { $(println!("{} = {:?}", stringify!($e), $e);)+ } }
macro_rules! say { ($f:literal) => { println!($f) } }
macro_rules! swap { ($a:ident, $b:ident) => { ($a, $b) = ($b, $a); } }
//@ cell
let mut a = vec![1];
let mut b = vec![2, 3];
//@ cell
show!(a, b.len());
//@ cell
swap!(a, b);
say!("{a:?} {b:?}");
//@ model
macro_rules! show { ($($e:expr),+ $(,)?) => { $(println!("{} = {:?}", stringify!($e), $e);)+ } }
macro_rules! say { ($f:literal) => { println!($f) } }
macro_rules! swap { ($a:ident, $b:ident) => { ($a, $b) = ($b, $a); } }
fn main() {
    let mut a = vec![1];
    let mut b = vec![2, 3];
    show!(a, b.len());
    swap!(a, b);
    say!("{a:?} {b:?}");
}
//@ output
a = [1]
b.len() = 2
[2, 3] [1]
