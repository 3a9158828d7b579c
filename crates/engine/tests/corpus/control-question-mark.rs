//! `?` takes errors of several types in one cell: of std, boxed, own, and strings.
//@ cell
#[derive(Debug)] enum Own { Small(u8) }
impl std::fmt::Display for Own { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { let Own::Small(n) = self; write!(f, "{n} is small") } }
impl std::error::Error for Own {}
fn check(n: u8) -> Result<u8, Own> { if n < 10 { Err(Own::Small(n)) } else { Ok(n) } }
fn boxed(s: &str) -> Result<u8, Box<dyn std::error::Error + Send + Sync>> { Ok(check(s.parse()?)?) }
//@ cell
let n: u8 = "12".parse()?;
let m = check(n)? + boxed("13")?;
let c = char::from_u32(u32::from(m) + 40).ok_or("no char")?;
m as f32 + "0.5".parse::<f32>()?
//@ cell => error: 3 is small
println!("before {}", check(20)?);
check(3)?;
println!("after");
//@ cell => error: no c
let c = "ab".find('c').ok_or_else(|| format!("no {}", 'c'))?;
//@ cell => error: too large
boxed("300")?;
//@ cell
(m, c)
//@ model
#[derive(Debug)] enum Own { Small(u8) }
impl std::fmt::Display for Own { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { let Own::Small(n) = self; write!(f, "{n} is small") } }
impl std::error::Error for Own {}
fn check(n: u8) -> Result<u8, Own> { if n < 10 { Err(Own::Small(n)) } else { Ok(n) } }
fn boxed(s: &str) -> Result<u8, Box<dyn std::error::Error + Send + Sync>> { Ok(check(s.parse()?)?) }
fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let n: u8 = "12".parse()?;
    let m = check(n)? + boxed("13")?;
    let c = char::from_u32(u32::from(m) + 40).ok_or("no char")?;
    println!("{:?}", m as f32 + "0.5".parse::<f32>()?);
    let _ = (|| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        println!("before {}", check(20)?);
        check(3)?;
        println!("after");
        Ok(())
    })();
    let _ = (|| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let c = "ab".find('c').ok_or_else(|| format!("no {}", 'c'))?;
        Ok(())
    })();
    let _ = (|| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        boxed("300")?;
        Ok(())
    })();
    println!("{:?}", (m, c));
    Ok(())
}
//@ output
25.5
before 20
(25, 'A')
