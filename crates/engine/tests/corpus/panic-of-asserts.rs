//! Assertions, `unreachable!` and `todo!` panic with their messages.
//@ cell
let (a, b) = (1, 2);
//@ cell => panic: left: 1
assert_eq!(a, b);
//@ cell => panic: a is 1
assert!(a > b, "a is {a}");
//@ cell => panic: unreachable code: {b}
fn never(b: i32) -> i32 { unreachable!("{{b}}") }
never(b)
//@ cell => panic: not yet implemented
todo!()
//@ cell
a + b
//@ model
fn never(b: i32) -> i32 { unreachable!("{{b}}") }
fn main() {
    let (a, b) = (1, 2);
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        assert_eq!(a, b);
    }));
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        assert!(a > b, "a is {a}");
    }));
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        never(b);
    }));
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        todo!();
    }));
    println!("{:?}", a + b);
}
//@ output
3
