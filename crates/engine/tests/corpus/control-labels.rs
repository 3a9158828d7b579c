//! Labels, `continue`, `while let`, ranges backwards and a loop's value, over variables of earlier cells.
//@ cell
let mut stack = vec![1, 2, 3];
let mut found = None::<(i32, i32)>;
//@ cell
'rows: for r in (0..4).rev() {
    for c in 0..4 {
        if c > r { continue 'rows }
        if r * c == 2 { found = Some((r, c)); break 'rows }
    }
}
while let Some(top) = stack.pop() { if top == 2 { break } }
let n = loop { stack.push(7); if stack.len() == 3 { break stack.len() * 10 } };
//@ cell
(found, n, stack)
//@ cell => E0268
break;
//@ model
fn main() {
    let mut stack = vec![1, 2, 3];
    let mut found = None::<(i32, i32)>;
    'rows: for r in (0..4).rev() {
        for c in 0..4 {
            if c > r { continue 'rows }
            if r * c == 2 { found = Some((r, c)); break 'rows }
        }
    }
    while let Some(top) = stack.pop() { if top == 2 { break } }
    let n = loop { stack.push(7); if stack.len() == 3 { break stack.len() * 10 } };
    println!("{:?}", (found, n, stack));
}
//@ output
(Some((2, 1)), 30, [1, 7, 7])
