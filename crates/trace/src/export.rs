//! Timelines for other programs: CSV for a spreadsheet, JSON for a script.

use std::fmt::Write;

use crate::timeline::Timeline;

impl Timeline {
    /// One line a task after a heading line, times in seconds from the start of the timeline:
    /// `worker,task,number,submitted,started,finished,waiting,outcome`.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("worker,task,number,submitted,started,finished,waiting,outcome\n");
        for row in &self.rows {
            for bar in &row.bars {
                let _ = writeln!(
                    text,
                    "{},{},{},{:.9},{:.9},{:.9},{:.9},{}",
                    csv(&row.name),
                    csv(&bar.label),
                    bar.number,
                    bar.submitted.as_secs_f64(),
                    bar.started.as_secs_f64(),
                    bar.finished.as_secs_f64(),
                    bar.waiting().as_secs_f64(),
                    bar.outcome.word(),
                );
            }
        }
        text
    }

    /// An object with `name`, `length`, `lost` and `rows`, each row with `name` and `bars`, each bar with
    /// `label`, `number`, `submitted`, `started`, `finished`, `outcome` and `waits`; times in seconds.
    pub fn to_json(&self) -> String {
        let rows = list(&self.rows, |row| {
            let bars = list(&row.bars, |bar| {
                let waits = list(&bar.waits, |wait| {
                    format!(
                        r#"{{"what":{},"started":{:.9},"finished":{:.9}}}"#,
                        json(&wait.what),
                        wait.started.as_secs_f64(),
                        wait.finished.as_secs_f64(),
                    )
                });
                format!(
                    r#"{{"label":{},"number":{},"submitted":{:.9},"started":{:.9},"finished":{:.9},"outcome":"{}","waits":{}}}"#,
                    json(&bar.label),
                    bar.number,
                    bar.submitted.as_secs_f64(),
                    bar.started.as_secs_f64(),
                    bar.finished.as_secs_f64(),
                    bar.outcome.word(),
                    waits,
                )
            });
            format!(r#"{{"name":{},"bars":{bars}}}"#, json(&row.name))
        });
        format!(
            r#"{{"name":{},"length":{:.9},"lost":{},"rows":{rows}}}"#,
            json(&self.name),
            self.length.as_secs_f64(),
            self.lost,
        )
    }
}

fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(","))
}

fn csv(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if (c as u32) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Outcome;
    use crate::timeline::{Bar, Row, Wait};
    use std::time::Duration;

    fn timeline() -> Timeline {
        let ms = Duration::from_millis;
        let waits = vec![Wait { what: "bob".into(), started: ms(2), finished: ms(3) }];
        let bar = Bar {
            label: "say \"hi\", alice".into(),
            number: 1,
            submitted: ms(0),
            started: ms(1),
            finished: ms(4),
            outcome: Outcome::Returned,
            waits,
        };
        let row = Row { name: "worker 0".into(), bars: vec![bar] };
        Timeline { name: "pool\n1".into(), rows: vec![row], length: ms(4), lost: 0 }
    }

    #[test]
    fn csv_quotes_what_it_must() {
        let text = timeline().to_csv();
        let line = text.lines().nth(1).unwrap();
        assert_eq!(
            line,
            "worker 0,\"say \"\"hi\"\", alice\",1,0.000000000,0.001000000,0.004000000,0.001000000,returned"
        );
    }

    #[test]
    fn json_escapes_what_it_must() {
        let text = timeline().to_json();
        assert!(
            text.starts_with(r#"{"name":"pool\u000a1","length":0.004000000,"lost":0,"rows":["#),
            "{text}"
        );
        assert!(text.contains(r#""label":"say \"hi\", alice""#), "{text}");
        assert!(text.contains(r#""waits":[{"what":"bob","started":0.002000000,"finished":0.003000000}]"#));
    }
}
