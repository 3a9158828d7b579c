//! The same trait and type under other spellings are one `impl`: path, lifetime and parameter names, `where`.
//@ cell
use std::fmt;
struct Wrap<T>(T);
struct View<'a>(&'a str);
//@ cell
impl<T: fmt::Debug> fmt::Display for Wrap<T> { fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { write!(f, "[{:?}]", self.0) } }
impl<'a> fmt::Display for View<'a> { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "({})", self.0) } }
//@ cell
use std::fmt::{Debug, Display, Formatter};
impl<V> Display for Wrap<V> where V: Debug { fn fmt(&self, f: &mut Formatter) -> fmt::Result { write!(f, "<{:?}>", self.0) } }
impl Display for View<'_> { fn fmt(&self, f: &mut Formatter) -> fmt::Result { write!(f, "{{{}}}", self.0) } }
//@ cell
println!("{} {}", Wrap(1), View("v"));
//@ model
use std::fmt::{self, Debug, Display, Formatter};
struct Wrap<T>(T);
struct View<'a>(&'a str);
impl<V> Display for Wrap<V> where V: Debug { fn fmt(&self, f: &mut Formatter) -> fmt::Result { write!(f, "<{:?}>", self.0) } }
impl Display for View<'_> { fn fmt(&self, f: &mut Formatter) -> fmt::Result { write!(f, "{{{}}}", self.0) } }
fn main() { println!("{} {}", Wrap(1), View("v")); }
//@ output
<1> {v}
