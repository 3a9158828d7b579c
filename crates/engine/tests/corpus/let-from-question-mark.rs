//! A `let` may take its value from `?`; the variables before the error of an earlier cell are kept.
//@ cell
let n: i32 = "12".parse()?;
let f = "2.5".parse::<f64>()?;
//@ cell => error: invalid digit
let m: i32 = "twelve".parse()?;
println!("never");
//@ cell => E0425: m
m
//@ cell
n as f64 * f
//@ model
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let n: i32 = "12".parse()?;
    let f = "2.5".parse::<f64>()?;
    println!("{:?}", n as f64 * f);
    Ok(())
}
//@ output
30.0
