//! Two items of one name in the same cell are refused, as in a file.
//@ cell
fn f() -> u8 { 1 }
//@ cell => E0428
fn f() -> u8 { 2 }
fn f() -> u8 { 3 }
//@ cell => E0119
struct S;
impl Clone for S { fn clone(&self) -> S { S } }
impl Clone for S { fn clone(&self) -> S { S } }
//@ cell => E0252
use std::fmt::Result;
use std::io::Result;
//@ cell
f()
//@ model
fn f() -> u8 { 1 }
fn main() {
    println!("{:?}", f());
}
//@ output
1
