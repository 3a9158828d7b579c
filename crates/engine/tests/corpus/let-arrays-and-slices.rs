//! Arrays of arrays, boxed slices and slices of literals are kept.
//@ cell
let mut grid = [[0; 3]; 2];
let boxed: Box<[_]> = vec!["a", "b"].into();
let bytes = b"raw\n";
let shared: std::sync::Arc<str> = "shared".into();
let empty: [String; 0] = [];
//@ cell
grid[1][2] = 5;
for row in grid.iter_mut() { row[0] = 1 }
//@ cell
(grid, boxed, bytes, shared, empty)
//@ model
fn main() {
    let mut grid = [[0; 3]; 2];
    let boxed: Box<[_]> = vec!["a", "b"].into();
    let bytes = b"raw\n";
    let shared: std::sync::Arc<str> = "shared".into();
    let empty: [String; 0] = [];
    grid[1][2] = 5;
    for row in grid.iter_mut() { row[0] = 1 }
    println!("{:?}", (grid, boxed, bytes, shared, empty));
}
//@ output
([[1, 0, 0], [1, 0, 5]], ["a", "b"], [114, 97, 119, 10], "shared", [])
