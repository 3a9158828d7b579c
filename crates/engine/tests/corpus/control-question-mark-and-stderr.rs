//! Text on stderr is no part of an error.
//@ cell => error: boom
eprintln!("warning: low");
println!("out");
Err::<(), _>("boom")?
//@ cell
Ok::<_, String>(5)?
//@ model
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _ = (|| -> Result<(), Box<dyn std::error::Error>> {
        eprintln!("warning: low");
        println!("out");
        println!("{:?}", Err::<(), _>("boom")?);
        Ok(())
    })();
    println!("{:?}", Ok::<_, String>(5)?);
    Ok(())
}
//@ output
out
5
