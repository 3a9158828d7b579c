//! A cell with a type, its methods and its variables is edited and executed again.
//@ cell bank
#[derive(Debug)]
struct Account { cents: u32 }
impl Account { fn pay(&mut self, n: u32) { self.cents += n } }
let mut a = Account { cents: 0 };
a.pay(5);
a
//@ cell bank
#[derive(Debug)]
struct Account { cents: u32 }
impl Account { fn pay(&mut self, n: u32) { self.cents += 2 * n } }
let mut a = Account { cents: 0 };
a.pay(5);
a
//@ cell bank => dropped: a
#[derive(Debug)]
struct Account { cents: i64, owner: String }
impl Account { fn pay(&mut self, n: i64) { self.cents += n } }
let mut a = Account { cents: 0, owner: "ada".into() };
a.pay(-5);
a
//@ cell
a.pay(1);
a.cents
//@ model
#[derive(Debug)]
struct Account { cents: i64, owner: String }
impl Account { fn pay(&mut self, n: i64) { self.cents += n } }
fn main() {
    println!("Account {{ cents: 5 }}");
    println!("Account {{ cents: 10 }}");
    let mut a = Account { cents: 0, owner: "ada".into() };
    a.pay(-5);
    println!("{:?}", a);
    a.pay(1);
    println!("{:?}", a.cents);
}
//@ output
Account { cents: 5 }
Account { cents: 10 }
Account { cents: -5, owner: "ada" }
-4
