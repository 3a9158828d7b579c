//! Own `Result`, `Option`, `Some`, `Vec`, `Box`, `drop` and `println` hide those of the prelude for user code only.
//@ cell
type Result<T> = std::result::Result<T, String>;
fn half(n: u32) -> Result<u32> { if n % 2 == 0 { Ok(n / 2) } else { Err(format!("{n} is odd")) } }
//@ cell
#[derive(Debug)] enum Option { Some(u8), None }
use crate::Option::*;
struct Vec; struct Box; trait Debug {} trait Clone {} trait Send {}
fn drop(n: u8) -> u8 { n + 1 }
//@ cell => error: 3 is odd
println!("{}", half(4)?);
half(3)?;
//@ cell
macro_rules! println { ($($t:tt)*) => { std::println!("> {}", format_args!($($t)*)) } }
let list = vec![1];
//@ cell
println!("{}", drop(1));
(Some(2), None, list)
//@ model
type Result<T> = std::result::Result<T, String>;
fn half(n: u32) -> Result<u32> { if n % 2 == 0 { Ok(n / 2) } else { Err(format!("{n} is odd")) } }
#[derive(Debug)] enum Option { Some(u8), None }
use crate::Option::*;
struct Vec; struct Box; trait Debug {} trait Clone {} trait Send {}
fn drop(n: u8) -> u8 { n + 1 }
macro_rules! println { ($($t:tt)*) => { std::println!("> {}", format_args!($($t)*)) } }
fn main() {
    std::println!("{}", half(4).unwrap());
    let list = vec![1];
    println!("{}", drop(1));
    std::println!("{:?}", (Some(2), None, list));
}
//@ output
2
> 2
(Some(2), None, [1])
