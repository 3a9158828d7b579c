//! The commands a person types.

use std::process::ExitCode;

pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let r = match &args[1..] {
        [c, d] if c == "prepare" => crate::prepared::build(d.as_ref(), &mut |l| println!("{l}")),
        [c, _p, d, f] if c == "kernel" => crate::protocol::serve(f.as_ref(), d.as_ref()),
        _ => Ok(()),
    };
    if let Err(e) = r {
        eprintln!("{e:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
