use super::*;
use crate::comparison::Case;
use crate::measurement::Measurement;
use arbtest::arbtest;

fn entry(number: u32) -> Entry {
    let seconds = [f64::from(number), f64::from(number) + 0.25];
    let measurement = Measurement::new(10, seconds);
    Entry::now("primes", vec![Case { name: format!("„{number}“"), measurement }])
}

/// A history in a temporary directory.
fn fresh() -> (tempfile::TempDir, History) {
    let directory = tempfile::tempdir().unwrap();
    let history = History::in_directory(&directory.path().join("a/b"), "primes");
    (directory, history)
}

#[test]
fn what_is_appended_is_there_until_it_is_cleared() {
    let (_directory, history) = fresh();
    assert_eq!(history.read().unwrap().entries, []);
    let entries: Vec<Entry> = (1..4).map(entry).collect();
    for entry in &entries {
        history.append(entry).unwrap();
    }
    let past = history.read().unwrap();
    assert_eq!((past.entries, past.unreadable), (entries, 0));
    history.clear().unwrap();
    assert!(!history.path().exists() && history.read().unwrap().entries.is_empty());
    history.clear().unwrap();
}

#[test]
fn the_format_is_the_documented_one() {
    let line = r#"{"version":1,"time":1790000000,"benchmark":"primes","machine":{"id":"5f1c","about":"AMD EPYC 7763, linux","processors":2},"code":"9a3f","cases":[{"name":"1 worker","loops":1,"seconds":[1.2346,1.2411,1.2398]}]}"#;
    let entry: Entry = serde_json::from_str(line).unwrap();
    assert_eq!(entry.to_line(), format!("{line}\n"));
    assert_eq!(entry.cases[0].measurement.seconds(), [1.2346, 1.2411, 1.2398]);
    let with_more = line.replace("\"time\"", "\"weather\":\"fine\",\"time\"");
    assert_eq!(serde_json::from_str::<Entry>(&with_more).unwrap(), entry);
    for (was, is) in [("\"version\":1", "\"version\":2"), ("1.2346", "-1"), ("[1.2346,1.2411,1.2398]", "[]")]
    {
        assert!(serde_json::from_str::<Entry>(&line.replace(was, is)).is_err(), "{is}");
    }
}

#[test]
fn five_digits_and_fifty_runs_are_kept() {
    let measurement = Measurement::new(1, (0..1000).map(|n| f64::from(n) + 0.123_456_789));
    let line = Entry::now("x", vec![Case { name: "a".into(), measurement }]).to_line();
    let entry: Entry = serde_json::from_str(&line).unwrap();
    let seconds = entry.cases[0].measurement.seconds();
    assert_eq!((seconds.len(), seconds[0], seconds[49]), (50, 0.12346, 999.12));
}

/// A write that is truncated at any byte leaves the earlier lines and the next one readable, and each lost
/// line is counted.
#[test]
fn a_write_that_is_cut_off_at_any_byte_harms_no_other_line() {
    let (_directory, history) = fresh();
    let entries: Vec<Entry> = (1..4).map(entry).collect();
    for entry in &entries {
        history.append(entry).unwrap();
    }
    let bytes = std::fs::read(history.path()).unwrap();
    let ends: Vec<usize> = (0..bytes.len()).filter(|index| bytes[*index] == b'\n').collect();
    for cut in 0..=bytes.len() {
        std::fs::write(history.path(), &bytes[..cut]).unwrap();
        let whole = ends.iter().filter(|end| cut >= **end).count();
        // A line that lacks only its line break can be read; any other leaves an unreadable rest.
        let starts_anew = cut == 0 || ends.contains(&cut) || ends.contains(&(cut - 1));
        let torn = usize::from(!starts_anew);
        let past = history.read().unwrap();
        assert_eq!((&past.entries[..], past.unreadable), (&entries[..whole], torn), "cut at {cut}");
        history.append(&entries[2]).unwrap();
        let past = history.read().unwrap();
        assert_eq!((past.entries.len(), past.unreadable), (whole + 1, torn), "cut at {cut}");
        assert_eq!(past.entries[whole], entries[2]);
    }
}

#[test]
fn whatever_is_in_the_file_nobody_panics_and_the_next_run_is_kept() {
    let (_directory, history) = fresh();
    history.append(&entry(1)).unwrap();
    let line = std::fs::read(history.path()).unwrap();
    arbtest(|random| {
        let mut bytes = Vec::new();
        for _ in 0..random.int_in_range(0..=6)? {
            let mut piece = if random.arbitrary()? { line.clone() } else { random.arbitrary::<Vec<u8>>()? };
            if random.arbitrary()? && !piece.is_empty() {
                let place = random.int_in_range(0..=piece.len() - 1)?;
                piece[place] = random.arbitrary()?;
            }
            bytes.extend(piece);
        }
        std::fs::write(history.path(), &bytes).unwrap();
        let before = history.read().unwrap();
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        assert_eq!(before.entries.len() + before.elsewhere.len() + before.unreadable, lines);
        history.append(&entry(7)).unwrap();
        let after = history.read().unwrap();
        assert_eq!(after.entries.last().unwrap().cases, entry(7).cases);
        assert_eq!(after.entries.len(), before.entries.len() + 1);
        assert!(!after.to_string().is_empty());
        Ok(())
    });
}

#[test]
fn a_file_that_grows_too_long_keeps_its_latest_runs() {
    let (_directory, history) = fresh();
    let mut long = entry(0);
    long.cases[0].name = "a".repeat(50_000);
    for number in 0..45 {
        long.time = number;
        history.append(&long).unwrap();
        let length = std::fs::metadata(history.path()).unwrap().len();
        assert!(length <= 1 << 20, "{length}");
        let past = history.read().unwrap();
        assert_eq!(past.unreadable, 0);
        assert_eq!(past.entries.last().unwrap().time, number);
        let times: Vec<u64> = past.entries.iter().map(|entry| entry.time).collect();
        assert!(times.is_sorted() && times.len() >= (number as usize + 1).min(9), "{times:?}");
    }
    // A single line that is longer than the limit is kept.
    long.cases[0].name = "a".repeat(2_000_000);
    history.append(&long).unwrap();
    assert_eq!(history.read().unwrap().entries.len(), 1);
    history.append(&entry(1)).unwrap();
    assert_eq!(history.read().unwrap().entries.len(), 1);
}

#[test]
fn another_machine_is_left_out_and_counted() {
    let (_directory, history) = fresh();
    let mut elsewhere = entry(9);
    elsewhere.machine = Machine { id: "0".into(), about: "a PDP-11, unix".into(), processors: 1 };
    history.append(&elsewhere).unwrap();
    history.append(&entry(1)).unwrap();
    let past = history.read().unwrap();
    assert_eq!((past.entries.len(), past.elsewhere.len()), (1, 1));
    assert_eq!(past.notes(), ["Left out: 1 run on another machine (a PDP-11, unix)."]);
    assert!(past.to_string().contains("primes: 1 run, the last one just now"));
}

#[test]
fn it_shows_a_strip_and_what_changed() {
    let (_directory, history) = fresh();
    assert_eq!(history.to_string(), "primes: no earlier runs on this machine");
    let measured =
        |seconds: f64| vec![Case { name: "a".into(), measurement: Measurement::new(1, [seconds]) }];
    for (number, seconds) in [1.0, 2.0, 0.5, 4.0].into_iter().enumerate() {
        let code = Some(if number < 2 { "1" } else { "2" }.to_owned());
        let time = entry::now() - 3600 * (10 - number as u64);
        history.append(&Entry { time, code, ..Entry::now("primes", measured(seconds)) }).unwrap();
    }
    std::fs::write(history.path(), [&std::fs::read(history.path()).unwrap()[..], b"{}\n"].concat()).unwrap();
    let text = history.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "primes: 4 runs, the last one 7 h ago");
    assert_eq!(lines[1], "  a  ▂▄▁█  4.00 s (500 ms to 4.00 s)");
    assert_eq!(lines[2], "run 3 (8 h ago): the code has changed");
    assert_eq!(lines[3], "1 line of the file could not be read: cut off, or of a newer version.");
}

#[test]
fn each_name_has_a_file_of_its_own() {
    let names = ["primes", "Primes", "pri/mes", "pri.mes", "", "..", "prïmes", "-------"];
    let mut files: Vec<String> = names.iter().map(|name| file::name_for(name)).collect();
    files.push(file::name_for(&"long".repeat(100)));
    files.push(file::name_for(&"long".repeat(101)));
    assert_eq!(files[0], "primes.jsonl");
    for file in &files {
        assert!(file.len() < 80 && file.ends_with(".jsonl") && !file.contains('/'), "{file}");
        assert!(!file.starts_with("..") && file != ".jsonl", "{file}");
    }
    files.sort();
    files.dedup();
    assert_eq!(files.len(), names.len() + 2);
}

/// A stopped process that holds the lock neither blocks a writer for ever nor makes it lose a run.
#[test]
fn a_lock_that_is_never_released_only_delays() {
    let (_directory, history) = fresh();
    history.append(&entry(1)).unwrap();
    let lock = std::fs::File::open(history.path().with_file_name(".lock")).unwrap();
    lock.lock().unwrap();
    history.append(&entry(2)).unwrap();
    assert_eq!(history.read().unwrap().entries.len(), 2);
}

#[test]
fn a_place_that_cannot_be_written_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let history = History::in_directory(&file, "primes");
    assert!(history.append(&entry(1)).is_err());
}
