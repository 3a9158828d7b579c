//! A panic is an error under any panic hook.
//@ cell
std::panic::set_hook(Box::new(|info| println!("hook: {}", info.payload().downcast_ref::<&str>().unwrap_or(&"?"))));
//@ cell => panic: seen
panic!("seen")
//@ cell
let _ = std::panic::take_hook();
//@ cell => panic: unseen
panic!("unseen")
//@ cell
"still here"
//@ model
use std::panic;
fn main() {
    panic::set_hook(Box::new(|info| println!("hook: {}", info.payload().downcast_ref::<&str>().unwrap_or(&"?"))));
    let _ = panic::catch_unwind(|| panic!("seen"));
    let _ = panic::take_hook();
    let _ = panic::catch_unwind(|| panic!("unseen"));
    println!("{:?}", "still here");
}
//@ output
hook: seen
"still here"
