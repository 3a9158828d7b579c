//! Schedules as text: `1-5f3a9c01-0x3.1.0x2`.
//!
//! The version of the format; a number made of the operations that the run consists of, by which the schedule of
//! another program is known; and the threads that were chosen, each with how often in a row.

use crate::run::TaskId;

const VERSION: &str = "1";

/// No schedule has more choices.
const MAX_CHOICES: usize = 1_000_000;

/// The text of a schedule.
pub(crate) fn encode(choices: &[TaskId], digest: u64) -> String {
    let turns = turns(choices).into_iter().map(|(task, count)| match count {
        1 => task.to_string(),
        _ => format!("{task}x{count}"),
    });
    let turns: Vec<_> = turns.collect();
    format!("{VERSION}-{:08x}-{}", digest as u32, turns.join("."))
}

/// The threads that a schedule chooses, and the number of its program.
///
/// # Errors
///
/// The error in the text.
pub(crate) fn decode(text: &str) -> Result<(Vec<TaskId>, u32), String> {
    let text: String = text.split_whitespace().collect();
    let not_one = || {
        let beginning: String = text.chars().take(40).collect();
        format!(
            "`{beginning}` is not a schedule; a failure's `schedule()` returns one, such as `1-5f3a9c01-0x3.1`"
        )
    };
    let mut parts = text.splitn(3, '-');
    let (Some(version), Some(digest), Some(turns)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(not_one());
    };
    if version != VERSION {
        return Err(match version.parse::<u32>() {
            Ok(_) => format!(
                "the schedule was made by another version of Threadbook (format {version}); explore again"
            ),
            Err(_) => not_one(),
        });
    }
    let digest = u32::from_str_radix(digest, 16).map_err(|_| not_one())?;
    let mut choices = Vec::new();
    for turn in turns.split('.').filter(|turn| !turn.is_empty()) {
        let (task, count) = turn.split_once('x').unwrap_or((turn, "1"));
        let (Ok(task), Ok(count)) = (task.parse::<TaskId>(), count.parse::<usize>()) else {
            return Err(not_one());
        };
        if count > MAX_CHOICES - choices.len() {
            return Err(format!("a schedule has at most {MAX_CHOICES} choices"));
        }
        choices.extend(std::iter::repeat_n(task, count));
    }
    Ok((choices, digest))
}

/// The threads in the order in which they were chosen, each with how often in a row.
pub(crate) fn turns(choices: &[TaskId]) -> Vec<(TaskId, usize)> {
    choices.chunk_by(|one, next| one == next).map(|turn| (turn[0], turn.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_read_as_it_was_written() {
        for choices in [vec![], vec![0], vec![0, 0, 0, 1, 12, 12, 0]] {
            let text = encode(&choices, 0x1234_5678_9abc_def0);
            assert_eq!(decode(&text), Ok((choices, 0x9abc_def0)), "{text}");
        }
        assert_eq!(encode(&[0, 0, 0, 1], 0x5f3a_9c01), "1-5f3a9c01-0x3.1");
        assert_eq!(decode(" 1-5f3a9c01-\n0x3.1 ").unwrap().0, [0, 0, 0, 1], "a line that was wrapped");
    }

    #[test]
    fn other_texts_are_refused_with_a_reason() {
        for text in ["", "-", "1-", "1-zz-0", "1-0-x", "1-0-0x", "1-0-a", "x-0-0", "1-0-0x-3", "é-é-é"] {
            assert!(decode(text).unwrap_err().contains("is not a schedule"), "{text}");
        }
        assert!(decode("2-0-0").unwrap_err().contains("another version"));
        assert!(decode("1-0-0x99999999999").unwrap_err().contains("at most"));
        assert!(decode(&format!("1-0-{}", ["0x999999"; 3].join("."))).unwrap_err().contains("at most"));
    }
}
