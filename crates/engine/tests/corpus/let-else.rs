//! The variable of a let-else is kept; its else block may return or panic.
//@ cell
let line = "port=8080";
let Some((key, value)) = line.split_once('=') else { return };
//@ cell => panic: no number in port
let Ok(n) = key.parse::<u16>() else { panic!("no number in {key}") };
//@ cell
let Ok(port) = value.parse::<u16>() else { panic!("no number in {value}") };
//@ cell
port + 1
//@ model
fn main() {
    let line = "port=8080";
    let Some((_key, value)) = line.split_once('=') else { return };
    let Ok(port) = value.parse::<u16>() else { panic!("no number in {value}") };
    println!("{:?}", port + 1);
}
//@ output
8081
