//! Options and results keep their error types without a word about them.
//@ cell
let good = "42".parse::<i32>();
let bad = "4x".parse::<i32>();
let found = [1, 5, 9].iter().position(|&n| n > 4);
let utf = String::from_utf8(vec![0xff]);
//@ cell
let both = good.clone().ok().zip(found);
//@ cell
println!("{:?} {:?}", both, bad.as_ref().map_err(|e| e.to_string()));
utf.unwrap_err().utf8_error().valid_up_to()
//@ cell
matches!(&bad, Err(e) if *e.kind() == std::num::IntErrorKind::InvalidDigit)
//@ model
fn main() {
    let good = "42".parse::<i32>();
    let bad = "4x".parse::<i32>();
    let found = [1, 5, 9].iter().position(|&n| n > 4);
    let utf = String::from_utf8(vec![0xff]);
    let both = good.clone().ok().zip(found);
    println!("{:?} {:?}", both, bad.as_ref().map_err(|e| e.to_string()));
    println!("{:?}", utf.unwrap_err().utf8_error().valid_up_to());
    println!("{:?}", matches!(&bad, Err(e) if *e.kind() == std::num::IntErrorKind::InvalidDigit));
}
//@ output
Some((42, 1)) Err("invalid digit found in string")
0
true
