//! `impl`s of one generic trait for several parameters are kept apart.
//@ cell
#[derive(Debug)]
enum Value { Int(i64), Text(String) }
impl From<i64> for Value { fn from(n: i64) -> Self { Value::Int(n) } }
impl From<&str> for Value { fn from(s: &str) -> Self { Value::Text(s.into()) } }
//@ cell
impl From<i64> for Value { fn from(n: i64) -> Self { Value::Int(n * 2) } }
//@ cell
impl From<bool> for Value { fn from(b: bool) -> Self { Value::Int(b as i64) } }
//@ cell
let all: [Value; 3] = [21.into(), "x".into(), true.into()];
all
//@ model
#[derive(Debug)]
enum Value { Int(i64), Text(String) }
impl From<i64> for Value { fn from(n: i64) -> Self { Value::Int(n * 2) } }
impl From<&str> for Value { fn from(s: &str) -> Self { Value::Text(s.into()) } }
impl From<bool> for Value { fn from(b: bool) -> Self { Value::Int(b as i64) } }
fn main() {
    let all: [Value; 3] = [21.into(), "x".into(), true.into()];
    println!("{:?}", all);
}
//@ output
[Int(42), Text("x"), Int(1)]
