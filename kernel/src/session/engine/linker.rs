//! The linker without the C compiler in front of it.
//!
//! rustc brings a linker, but has the C compiler start it, which starts two more programs on the way: that is a
//! tenth of the time of a small cell. What the C compiler would add is always the same, so it is asked once, and rustc
//! starts its linker itself.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use threadbook_cargo_env::NEUTRAL_DIRECTORY;

/// What a shared object begins and ends with.
const STARTUP_FILES: [&str; 4] = ["crti.o", "crtbeginS.o", "crtendS.o", "crtn.o"];

/// What to add to rustc's `arguments` to have it link directly. Nothing where it is not known to work (only on
/// Linux does rustc bring a linker of its own), or where the user has chosen a linker.
pub fn directly(arguments: &[String], tools: &Path) -> Vec<String> {
    let is_chosen = |word: &String| word.contains("linker") || word.contains("link-arg");
    let Some(target) = arguments.iter().skip_while(|word| *word != "--target").nth(1) else {
        return Vec::new();
    };
    let linker = tools.with_file_name("lib/rustlib").join(target).join("bin/rust-lld");
    if arguments.iter().any(is_chosen) || !cfg!(target_os = "linux") || !linker.exists() {
        return Vec::new();
    }
    let options = || {
        let mut options = vec![format!("linker={}", linker.to_str()?), "linker-flavor=ld.lld".to_owned()];
        let questions = STARTUP_FILES.map(|file| format!("-print-file-name={file}"));
        let answers = ask(&[&questions[..], &["-print-search-dirs".to_owned()]].concat())?;
        let (directories, files) = answers.split_last()?;
        for path in files {
            // A bare name says that there is no such file.
            options.push(Path::new(path.trim()).is_absolute().then(|| format!("link-arg={}", path.trim()))?);
        }
        let directories = directories.lines().find_map(|line| line.strip_prefix("libraries: ="))?;
        options.extend(directories.split(':').map(|directory| format!("link-arg=-L{directory}")));
        Some(options)
    };
    options().into_iter().flatten().flat_map(|option| ["-C".to_owned(), option]).collect()
}

/// The answers of the C compiler, which is asked everything at once.
fn ask(questions: &[String]) -> Option<Vec<String>> {
    let asked = questions.iter().map(|question| {
        let mut compiler = Command::new("cc");
        compiler.arg(question).current_dir(NEUTRAL_DIRECTORY).stdin(Stdio::null());
        compiler.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
    });
    let asked: Vec<_> = asked.collect();
    let outputs: Vec<_> = asked.into_iter().map(|child| child?.wait_with_output()).collect();
    let answer = |output: std::io::Result<Output>| {
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    outputs.into_iter().map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::Toolchain;

    fn added(arguments: &[&str]) -> Vec<String> {
        let toolchain = Toolchain::find().unwrap();
        let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        directly(&arguments, &toolchain.bin())
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn what_is_linked_directly_can_be_loaded() {
        let place = tempfile::tempdir().unwrap();
        let source = "#[unsafe(no_mangle)] pub extern \"C\" fn f() { println!(\"{}\", 1.5_f64.sin()); }";
        std::fs::write(place.path().join("a.rs"), source).unwrap();
        let toolchain = Toolchain::find().unwrap();
        let arguments = ["a.rs", "--crate-type", "cdylib", "--target", toolchain.host()];
        let options = added(&arguments);
        assert!(options.iter().any(|option| option.ends_with("crtbeginS.o")), "{options:?}");
        let mut rustc = Command::new(toolchain.bin().join("rustc"));
        let done = rustc.args(arguments).args(options).current_dir(place.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let needed = "import ctypes; ctypes.CDLL('./liba.so').f()";
        let output = Command::new("python3").args(["-c", needed]).current_dir(place.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "0.9974949866040544\n");
    }

    #[test]
    fn a_linker_of_the_users_own_is_kept() {
        let host = Toolchain::find().unwrap().host().to_owned();
        for chosen in ["linker=clang", "link-arg=-fuse-ld=mold", "-Clink-args=-s"] {
            assert_eq!(added(&["--target", &host, "-C", chosen]), [""; 0], "{chosen}");
        }
        assert_eq!(added(&["--target", "wasm32-unknown-unknown"]), [""; 0]);
        assert_eq!(added(&[]), [""; 0]);
    }
}
