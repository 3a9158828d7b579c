//! Types of all kinds: unit, tuple, generic with defaults, `repr`, union, borrowed fields, constants as parameters.
//@ cell
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)] struct Unit;
#[derive(Debug)] struct Pair<A, B = A>(A, B);
#[repr(u8)] #[derive(Debug, Clone, Copy)] enum Level { Low = 1, High = 10 }
#[repr(C)] union Bits { int: u32, float: f32 }
struct Parser<'a> { rest: &'a str }
struct Ring<T, const N: usize> { items: [Option<T>; N] }
impl<T: Copy, const N: usize> Ring<T, N> { const SIZE: usize = N; fn new() -> Self { Ring { items: [None; N] } } }
impl<'a> Parser<'a> { fn word(&mut self) -> &'a str { let (w, r) = self.rest.split_once(' ').unwrap_or((self.rest, "")); self.rest = r; w } }
//@ cell
let pair: Pair<_> = Pair(Unit, Unit);
let bits = Bits { float: 1.0 };
let mut parser = Parser { rest: "let it be" };
let ring = Ring::<u8, 3>::new();
//@ cell
parser.word();
println!("{pair:?} {:#x} {}", unsafe { bits.int }, Level::High as u8);
(parser.word(), ring.items, Ring::<u8, 3>::SIZE, Unit < Unit, size_of::<Level>())
//@ model
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)] struct Unit;
#[derive(Debug)] struct Pair<A, B = A>(A, B);
#[repr(u8)] #[derive(Debug, Clone, Copy)] enum Level { Low = 1, High = 10 }
#[repr(C)] union Bits { int: u32, float: f32 }
struct Parser<'a> { rest: &'a str }
struct Ring<T, const N: usize> { items: [Option<T>; N] }
impl<T: Copy, const N: usize> Ring<T, N> { const SIZE: usize = N; fn new() -> Self { Ring { items: [None; N] } } }
impl<'a> Parser<'a> { fn word(&mut self) -> &'a str { let (w, r) = self.rest.split_once(' ').unwrap_or((self.rest, "")); self.rest = r; w } }
fn main() {
    let pair: Pair<_> = Pair(Unit, Unit);
    let bits = Bits { float: 1.0 };
    let mut parser = Parser { rest: "let it be" };
    let ring = Ring::<u8, 3>::new();
    parser.word();
    println!("{pair:?} {:#x} {}", unsafe { bits.int }, Level::High as u8);
    println!("{:?}", (parser.word(), ring.items, Ring::<u8, 3>::SIZE, Unit < Unit, size_of::<Level>()));
}
//@ output
Pair(Unit, Unit) 0x3f800000 10
("it", [None, None, None], 3, false, 1)
