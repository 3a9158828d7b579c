//! Variables of generic types of the session are kept with their parameters.
//@ cell
#[derive(Debug, Clone, Default)]
struct Stack<T> { items: Vec<T> }
impl<T> Stack<T> {
    fn new() -> Self { Stack { items: vec![] } }
    fn push(mut self, t: T) -> Self { self.items.push(t); self }
}
#[derive(Debug)]
struct Grid<T, const W: usize, const H: usize>([[T; W]; H]);
//@ cell
let s = Stack::new().push(1).push(2);
let nested = Stack::new().push(Some(s.clone()));
let grid = Grid([[0u8; 2]; 3]);
let default = Stack::<String>::default();
//@ cell
println!("{s:?} {grid:?} {default:?}");
nested
//@ model
#[derive(Debug, Clone, Default)]
struct Stack<T> { items: Vec<T> }
impl<T> Stack<T> {
    fn new() -> Self { Stack { items: vec![] } }
    fn push(mut self, t: T) -> Self { self.items.push(t); self }
}
#[derive(Debug)]
struct Grid<T, const W: usize, const H: usize>([[T; W]; H]);
fn main() {
    let s = Stack::new().push(1).push(2);
    let nested = Stack::new().push(Some(s.clone()));
    let grid = Grid([[0u8; 2]; 3]);
    let default = Stack::<String>::default();
    println!("{s:?} {grid:?} {default:?}");
    println!("{:?}", nested);
}
//@ output
Stack { items: [1, 2] } Grid([[0, 0], [0, 0], [0, 0]]) Stack { items: [] }
Stack { items: [Some(Stack { items: [1, 2] })] }
