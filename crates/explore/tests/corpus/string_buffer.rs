//! `StringBuffer.append` of the JDK 1.4: the length of the other buffer is old when its content is copied.
//! Cormac Flanagan and Shaz Qadeer, *A type and effect system for atomicity*, PLDI 2003.

use threadbook_explore::std;

use std::sync::Mutex;
use std::thread;

fn run(append: fn(&Mutex<String>, &Mutex<String>)) {
    let (to, from) = (Mutex::new(String::new()), Mutex::new("abc".to_owned()));
    thread::scope(|scope| {
        scope.spawn(|| from.lock().unwrap().truncate(1));
        append(&to, &from);
    });
}

pub fn bug() {
    run(|to, from| {
        let mut to = to.lock().unwrap();
        let length = from.lock().unwrap().len();
        to.push_str(&from.lock().unwrap()[..length]);
    });
}

pub fn fixed() {
    run(|to, from| {
        let from = from.lock().unwrap().clone();
        to.lock().unwrap().push_str(&from);
    });
}
