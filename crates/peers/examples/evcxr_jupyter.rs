//! Stock `evcxr_jupyter`, built from this workspace's lock file: the baseline that we measure beside.

fn main() {
    if let Err(error) = evcxr_jupyter::main() {
        eprintln!("{error:?}");
        std::process::exit(1);
    }
}
