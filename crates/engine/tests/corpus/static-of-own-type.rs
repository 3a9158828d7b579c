//! A static of a type of the session is shared by the functions of several cells.
//@ cell
use std::sync::RwLock;
#[derive(Debug)]
struct Settings { depth: u8, names: Vec<&'static str> }
static SETTINGS: RwLock<Settings> = RwLock::new(Settings { depth: 1, names: vec![] });
static TABLE: [fn(u8) -> u8; 2] = [half, double];
fn half(n: u8) -> u8 { n / 2 }
fn double(n: u8) -> u8 { n * 2 }
//@ cell
fn deeper() { let mut s = SETTINGS.write().unwrap(); s.depth = TABLE[1](s.depth); s.names.push("deeper"); }
deeper();
//@ cell
deeper();
println!("{:?}", SETTINGS.read().unwrap());
//@ model
use std::sync::RwLock;
#[derive(Debug)]
struct Settings { depth: u8, names: Vec<&'static str> }
static SETTINGS: RwLock<Settings> = RwLock::new(Settings { depth: 1, names: vec![] });
static TABLE: [fn(u8) -> u8; 2] = [half, double];
fn half(n: u8) -> u8 { n / 2 }
fn double(n: u8) -> u8 { n * 2 }
fn deeper() { let mut s = SETTINGS.write().unwrap(); s.depth = TABLE[1](s.depth); s.names.push("deeper"); }
fn main() {
    deeper();
    deeper();
    println!("{:?}", SETTINGS.read().unwrap());
}
//@ output
Settings { depth: 4, names: ["deeper", "deeper"] }
