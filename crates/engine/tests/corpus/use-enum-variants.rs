//! Variants of an own enum are usable by name, also after the enum gained one.
//@ cell
#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction { North, East }
use Direction::*;
//@ cell
[North, East]
//@ cell
#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction { North, East, South }
//@ cell
fn turn(d: Direction) -> Direction { match d { North => East, East => South, South => North } }
//@ cell
turn(turn(North))
//@ model
#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction { North, East, South }
use Direction::*;
fn turn(d: Direction) -> Direction { match d { North => East, East => South, South => North } }
fn main() {
    println!("{:?}", [North, East]);
    println!("{:?}", turn(turn(North)));
}
//@ output
[North, East]
South
