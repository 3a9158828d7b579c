//! Variables that only a format string names are found, with width, precision, nesting and raw strings.
//@ cell
let x = 2.5;
let name = "ada";
let width = 8usize;
let prec = 2usize;
let v = vec![1, 2];
//@ cell
println!("{name:>width$}|{x:.prec$}|{x:+08.1}|{v:?}|{{x}}");
//@ cell
let line = format!("{}-{0}-{n}", format!("<{name}>"), n = v.len());
//@ cell
print!("{line:^0$}", 20);
println!(r#" "{name}" {v:#?}"#);
//@ cell => panic: ada is not 2.5
assert!(v.is_empty(), "{name} is not {x}");
//@ cell => E0425: nme
println!("{nme}");
//@ model
fn main() {
    let x = 2.5;
    let name = "ada";
    let width = 8usize;
    let prec = 2usize;
    let v = vec![1, 2];
    println!("{name:>width$}|{x:.prec$}|{x:+08.1}|{v:?}|{{x}}");
    let line = format!("{}-{0}-{n}", format!("<{name}>"), n = v.len());
    print!("{line:^0$}", 20);
    println!(r#" "{name}" {v:#?}"#);
}
//@ output
     ada|2.50|+00002.5|[1, 2]|{x}
   <ada>-<ada>-2     "ada" [
    1,
    2,
]
