//! The traits of std for an own type, each in a cell of its own, after the type and its variables.
//@ cell
#[derive(Debug, Clone, Copy, PartialEq)]
struct V(i32, i32);
let a = V(1, 2);
//@ cell
use std::{cmp::Ordering, fmt, iter::Sum, ops::{Add, AddAssign, Deref, Index, Neg}, str::FromStr};
impl Add for V { type Output = V; fn add(self, o: V) -> V { V(self.0 + o.0, self.1 + o.1) } }
impl AddAssign<i32> for V { fn add_assign(&mut self, n: i32) { self.0 += n } }
impl Neg for V { type Output = V; fn neg(self) -> V { V(-self.0, -self.1) } }
//@ cell
impl Index<usize> for V { type Output = i32; fn index(&self, i: usize) -> &i32 { [&self.0, &self.1][i] } }
impl PartialOrd for V { fn partial_cmp(&self, o: &V) -> Option<Ordering> { self.0.partial_cmp(&o.0) } }
impl fmt::Display for V { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "({}; {})", self.0, self.1) } }
//@ cell
impl Sum for V { fn sum<I: Iterator<Item = V>>(i: I) -> V { i.fold(V(0, 0), Add::add) } }
impl FromStr for V { type Err = std::num::ParseIntError; fn from_str(s: &str) -> Result<V, Self::Err> { Ok(V(s.parse()?, 0)) } }
struct Owner(V); impl Deref for Owner { type Target = V; fn deref(&self) -> &V { &self.0 } }
//@ cell
let mut b = a + V(10, 10);
b += 5;
println!("{b} {} {}", -a, b[1]);
//@ cell => error: invalid digit
let c: V = "x".parse()?;
//@ cell
(a < b, [a, b].into_iter().sum::<V>(), "7".parse::<V>()?, Owner(a).0.1, Owner(b).clone())
//@ model
#[derive(Debug, Clone, Copy, PartialEq)]
struct V(i32, i32);
use std::{cmp::Ordering, fmt, iter::Sum, ops::{Add, AddAssign, Deref, Index, Neg}, str::FromStr};
impl Add for V { type Output = V; fn add(self, o: V) -> V { V(self.0 + o.0, self.1 + o.1) } }
impl AddAssign<i32> for V { fn add_assign(&mut self, n: i32) { self.0 += n } }
impl Neg for V { type Output = V; fn neg(self) -> V { V(-self.0, -self.1) } }
impl Index<usize> for V { type Output = i32; fn index(&self, i: usize) -> &i32 { [&self.0, &self.1][i] } }
impl PartialOrd for V { fn partial_cmp(&self, o: &V) -> Option<Ordering> { self.0.partial_cmp(&o.0) } }
impl fmt::Display for V { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "({}; {})", self.0, self.1) } }
impl Sum for V { fn sum<I: Iterator<Item = V>>(i: I) -> V { i.fold(V(0, 0), Add::add) } }
impl FromStr for V { type Err = std::num::ParseIntError; fn from_str(s: &str) -> Result<V, Self::Err> { Ok(V(s.parse()?, 0)) } }
struct Owner(V);
impl Deref for Owner { type Target = V; fn deref(&self) -> &V { &self.0 } }
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let a = V(1, 2);
    let mut b = a + V(10, 10);
    b += 5;
    println!("{b} {} {}", -a, b[1]);
    let _ = (|| -> Result<(), Box<dyn std::error::Error>> {
        let c: V = "x".parse()?;
        Ok(())
    })();
    println!("{:?}", (a < b, [a, b].into_iter().sum::<V>(), "7".parse::<V>()?, Owner(a).0.1, Owner(b).clone()));
    Ok(())
}
//@ output
(16; 12) (-1; -2) 12
(true, V(17, 14), V(7, 0), 2, V(16, 12))
