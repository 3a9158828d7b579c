//! `return` ends the cell; its effects so far, and the variables of earlier cells, stay.
//@ cell
let mut log = vec![-1];
let enough = 2;
//@ cell
for n in 0.. {
    if n > enough { log.push(99); return; }
    log.push(n);
}
println!("not reached");
//@ cell
log
//@ model
fn main() {
    let mut log = vec![-1];
    let enough = 2;
    for n in 0.. {
        if n > enough { log.push(99); break; }
        log.push(n);
    }
    println!("{:?}", log);
}
//@ output
[-1, 0, 1, 2, 99]
