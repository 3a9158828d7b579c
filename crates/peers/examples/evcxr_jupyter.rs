//! Stock `evcxr_jupyter`, built from this workspace's lock file: the baseline of our measurements.

fn main() {
    if let Err(error) = evcxr_jupyter::main() {
        eprintln!("{error:?}");
        std::process::exit(1);
    }
}
