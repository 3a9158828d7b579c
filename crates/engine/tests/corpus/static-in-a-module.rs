//! A private static of a module keeps its value behind the functions of the module.
//@ cell
mod ids {
    use std::sync::Mutex;
    static USED: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    pub fn take() -> u32 { let mut used = USED.lock().unwrap(); let id = used.len() as u32; used.push(id); id }
    pub mod count { pub fn get() -> usize { super::USED.lock().unwrap().len() } }
}
//@ cell
ids::take();
//@ cell
use ids::take;
take();
//@ cell
(take(), ids::count::get())
//@ model
mod ids {
    use std::sync::Mutex;
    static USED: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    pub fn take() -> u32 { let mut used = USED.lock().unwrap(); let id = used.len() as u32; used.push(id); id }
    pub mod count { pub fn get() -> usize { super::USED.lock().unwrap().len() } }
}
use ids::take;
fn main() {
    ids::take();
    take();
    println!("{:?}", (take(), ids::count::get()));
}
//@ output
(2, 3)
