//! A `LazyLock` and a `OnceLock` are set up once a session.
//@ cell
use std::{collections::HashMap, sync::{LazyLock, Mutex, OnceLock}};
static CACHE: LazyLock<Mutex<HashMap<u32, String>>> = LazyLock::new(|| { println!("set up"); Mutex::default() });
static NAME: OnceLock<String> = OnceLock::new();
//@ cell
CACHE.lock().unwrap().insert(1, "one".into());
NAME.set("ada".into())
//@ cell
CACHE.lock().unwrap().insert(2, "two".into());
NAME.set("alan".into())
//@ cell
(CACHE.lock().unwrap().len(), NAME.get())
//@ model
use std::{collections::HashMap, sync::{LazyLock, Mutex, OnceLock}};
static CACHE: LazyLock<Mutex<HashMap<u32, String>>> = LazyLock::new(|| { println!("set up"); Mutex::default() });
static NAME: OnceLock<String> = OnceLock::new();
fn main() {
    CACHE.lock().unwrap().insert(1, "one".into());
    println!("{:?}", NAME.set("ada".into()));
    CACHE.lock().unwrap().insert(2, "two".into());
    println!("{:?}", NAME.set("alan".into()));
    println!("{:?}", (CACHE.lock().unwrap().len(), NAME.get()));
}
//@ output
set up
Ok(())
Err("alan")
(2, Some("ada"))
