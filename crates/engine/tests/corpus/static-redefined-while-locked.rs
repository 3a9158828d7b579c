//! A thread that holds the lock of the old static does not stop the new one.
//@ cell
use std::sync::{Mutex, mpsc::channel};
static STATE: Mutex<u32> = Mutex::new(1);
let (go, wait) = channel::<()>();
let (tell, told) = channel::<u32>();
let holder = std::thread::spawn(move || {
    let mut state = STATE.lock().unwrap();
    tell.send(*state).unwrap();
    wait.recv().unwrap();
    *state += 1;
    *state
});
told.recv()?
//@ cell
STATE.try_lock().is_err()
//@ cell
static STATE: Mutex<u32> = Mutex::new(10);
//@ cell
*STATE.lock().unwrap() += 1;
go.send(())?;
(holder.join().unwrap(), *STATE.lock().unwrap())
//@ model
fn main() { println!("1\ntrue\n(2, 11)"); }
//@ output
1
true
(2, 11)
