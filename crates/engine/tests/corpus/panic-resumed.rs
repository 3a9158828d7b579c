//! The panic of a thread, resumed in a cell, is an error with its message.
//@ cell
let h = std::thread::spawn(|| -> u8 { panic!("in the thread") });
//@ cell => panic: in the thread
match h.join() { Ok(n) => println!("{n}"), Err(e) => std::panic::resume_unwind(e) }
//@ cell => panic: quiet
std::panic::resume_unwind(Box::new(String::from("quiet")))
//@ cell
"next"
//@ model
fn main() {
    let h = std::thread::spawn(|| -> u8 { panic!("in the thread") });
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        match h.join() { Ok(n) => println!("{n}"), Err(e) => std::panic::resume_unwind(e) }
    }));
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        std::panic::resume_unwind(Box::new(String::from("quiet")));
    }));
    println!("{:?}", "next");
}
//@ output
"next"
