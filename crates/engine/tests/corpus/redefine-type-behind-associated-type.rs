//! An associated type that names the type of a field is a part of the type.
//@ cell
trait Unit { type Value; }
struct Metric;
//@ cell metric
impl Unit for Metric { type Value = u8; }
//@ cell
struct Reading { value: <Metric as Unit>::Value }
let r = Reading { value: 1 };
//@ cell metric => dropped: r
impl Unit for Metric { type Value = f64; }
//@ cell
Reading { value: 0.5 }.value
//@ model
trait Unit { type Value; }
struct Metric;
impl Unit for Metric { type Value = f64; }
struct Reading { value: <Metric as Unit>::Value }
fn main() {
    println!("{:?}", Reading { value: 0.5 }.value);
}
//@ output
0.5
