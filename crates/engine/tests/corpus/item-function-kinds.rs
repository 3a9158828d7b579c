//! Functions of all kinds: generic, `where`, lifetimes, `const`, `impl Trait`, `unsafe`, `extern "C"`, nested.
//@ cell
fn first<'a, 'b: 'a>(a: &'a str, _: &'b str) -> &'a str { a }
fn total<I>(items: I) -> i64 where I: IntoIterator, I::Item: Into<i64> { items.into_iter().map(Into::into).sum() }
const fn power<const N: u32>(base: u64) -> u64 { base.pow(N) }
fn compose<A, B, C>(f: impl Fn(A) -> B, g: impl Fn(B) -> C) -> impl Fn(A) -> C { move |a| g(f(a)) }
/// # Safety
/// `p` points to an initialized value.
unsafe fn read(p: *const u8) -> u8 { unsafe { *p } }
extern "C" fn add(a: i32, b: i32) -> i32 { a + b }
fn outer() -> u8 { fn inner() -> u8 { 4 } inner() }
//@ cell
let both = compose(|n: i32| n + 1, |n| format!("<{n}>"))(4);
let byte = 9u8;
let c: extern "C" fn(i32, i32) -> i32 = add;
//@ cell
(first("x", &both), total([1i32, 2]), power::<3>(2), unsafe { read(&byte) }, c(1, 2), outer())
//@ model
fn first<'a, 'b: 'a>(a: &'a str, _: &'b str) -> &'a str { a }
fn total<I>(items: I) -> i64 where I: IntoIterator, I::Item: Into<i64> { items.into_iter().map(Into::into).sum() }
const fn power<const N: u32>(base: u64) -> u64 { base.pow(N) }
fn compose<A, B, C>(f: impl Fn(A) -> B, g: impl Fn(B) -> C) -> impl Fn(A) -> C { move |a| g(f(a)) }
unsafe fn read(p: *const u8) -> u8 { unsafe { *p } }
extern "C" fn add(a: i32, b: i32) -> i32 { a + b }
fn outer() -> u8 { fn inner() -> u8 { 4 } inner() }
fn main() {
    let both = compose(|n: i32| n + 1, |n| format!("<{n}>"))(4);
    let byte = 9u8;
    let c: extern "C" fn(i32, i32) -> i32 = add;
    println!("{:?}", (first("x", &both), total([1i32, 2]), power::<3>(2), unsafe { read(&byte) }, c(1, 2), outer()));
}
//@ output
("x", 3, 8, 9, 3, 4)
