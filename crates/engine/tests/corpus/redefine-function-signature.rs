//! A caller that a new signature breaks is refused when a cell reaches it, and corrected in its cell.
//@ cell
fn area(w: f64) -> f64 { w * w }
//@ cell report
fn report() -> String { format!("{:.1}", area(2.0)) }
//@ cell
report()
//@ cell
fn area(w: f64, h: f64) -> f64 { w * h }
//@ cell
area(2.0, 3.0)
//@ cell => E0061
report()
//@ cell report
fn report() -> String { format!("{:.1}", area(2.0, 4.0)) }
//@ cell
report()
//@ model
fn area(w: f64, h: f64) -> f64 { w * h }
fn report() -> String { format!("{:.1}", area(2.0, 4.0)) }
fn main() {
    println!("{:?}", String::from("4.0"));
    println!("{:?}", area(2.0, 3.0));
    println!("{:?}", report());
}
//@ output
"4.0"
6.0
"8.0"
